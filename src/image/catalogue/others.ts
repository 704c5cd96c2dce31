import type { Entry } from './entry.ts'

export const OTHERS = {
  'opensuse-leap-16': {
    latest: {
      url: 'https://download.opensuse.org/distribution/leap/16.0/appliances/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2',
      checksums:
        'https://download.opensuse.org/distribution/leap/16.0/appliances/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2.sha256',
      format: 'gnu',
      algorithm: 'sha256',
    },
  },
  archlinux: {
    pinned: {
      url: 'https://geo.mirror.pkgbuild.com/images/v20260715.556894/Arch-Linux-x86_64-cloudimg-20260715.556894.qcow2',
      digest: 'sha256:f419d4e29aebfc017ad4c9de330a3be0d7eefba710b269108b116aaca1122926',
    },
    latest: {
      url: 'https://geo.mirror.pkgbuild.com/images/latest/Arch-Linux-x86_64-cloudimg.qcow2',
      checksums: 'https://geo.mirror.pkgbuild.com/images/latest/Arch-Linux-x86_64-cloudimg.qcow2.SHA256',
      format: 'gnu',
      algorithm: 'sha256',
    },
  },
  'alpine-3.23': {
    pinned: {
      url: 'https://dl-cdn.alpinelinux.org/alpine/v3.23/releases/cloud/nocloud_alpine-3.23.4-x86_64-uefi-cloudinit-r0.qcow2',
      digest:
        'sha512:849196e26640b33fb1f106d46cebdf341c715f7f49363564eacece8097464b6af7041618e94c4eb1a006394663252a86c0fb3158fee5d0ffb094899730679a71',
    },
    quirks: ['uefi', 'no systemd'],
  },
} as const satisfies Record<string, Entry>
