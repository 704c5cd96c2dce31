import type { Entry } from './entry.ts'

export const DEBIAN = {
  'debian-12-cloud': {
    pinned: {
      url: 'https://cloud.debian.org/images/cloud/bookworm/20260712-2537/debian-12-genericcloud-amd64-20260712-2537.qcow2',
      digest:
        'sha512:6c2607f1846ee86040830c87d0b723f0967da3e884ea4673d9db4aa8eee13a4b7c663524bfa42082c16fc6919f3aa1bf425c004d07ff06c53a319ad0c42647bb',
    },
    latest: {
      url: 'https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2',
      checksums: 'https://cloud.debian.org/images/cloud/bookworm/latest/SHA512SUMS',
      format: 'gnu',
      algorithm: 'sha512',
    },
  },
  'debian-13-cloud': {
    pinned: {
      url: 'https://cloud.debian.org/images/cloud/trixie/20260712-2537/debian-13-genericcloud-amd64-20260712-2537.qcow2',
      digest:
        'sha512:7ae53e9dbee282bfc16f289dec483dde3a8598769c38a267948310f7a2a52c662620198603bc52c142627efba379863d16079698a10b34102d55bcedd40e8d32',
    },
    latest: {
      url: 'https://cloud.debian.org/images/cloud/trixie/daily/latest/debian-13-genericcloud-amd64-daily.qcow2',
      checksums: 'https://cloud.debian.org/images/cloud/trixie/daily/latest/SHA512SUMS',
      format: 'gnu',
      algorithm: 'sha512',
    },
  },
} as const satisfies Record<string, Entry>
