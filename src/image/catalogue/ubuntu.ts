import type { Entry } from './entry.ts'

export const UBUNTU = {
  'ubuntu-22.04': {
    pinned: {
      url: 'https://cloud-images.ubuntu.com/releases/jammy/release-20260705/ubuntu-22.04-server-cloudimg-amd64.img',
      digest: 'sha256:ec3cdc1bf496078f645ccc8ac823e17609658753477ebc4e5fb730729ac5b434',
    },
    latest: {
      url: 'https://cloud-images.ubuntu.com/releases/jammy/release/ubuntu-22.04-server-cloudimg-amd64.img',
      checksums: 'https://cloud-images.ubuntu.com/releases/jammy/release/SHA256SUMS',
      format: 'gnu',
      algorithm: 'sha256',
    },
  },
  'ubuntu-22.04-minimal': {
    pinned: {
      url: 'https://cloud-images.ubuntu.com/minimal/releases/jammy/release-20260716/ubuntu-22.04-minimal-cloudimg-amd64.img',
      digest: 'sha256:421635d0eef145c0e65956a6d8d783ccace2a6d3baca5eaedd91f9a4e1213fab',
    },
    latest: {
      url: 'https://cloud-images.ubuntu.com/minimal/releases/jammy/release/ubuntu-22.04-minimal-cloudimg-amd64.img',
      checksums: 'https://cloud-images.ubuntu.com/minimal/releases/jammy/release/SHA256SUMS',
      format: 'gnu',
      algorithm: 'sha256',
    },
  },
  'ubuntu-24.04': {
    pinned: {
      url: 'https://cloud-images.ubuntu.com/releases/noble/release-20260705/ubuntu-24.04-server-cloudimg-amd64.img',
      digest: 'sha256:ffe6203da54deeb6db5d2a98a83f9ec8e55f149d3f7ba622e1abe5fa966ee3d6',
    },
    latest: {
      url: 'https://cloud-images.ubuntu.com/releases/noble/release/ubuntu-24.04-server-cloudimg-amd64.img',
      checksums: 'https://cloud-images.ubuntu.com/releases/noble/release/SHA256SUMS',
      format: 'gnu',
      algorithm: 'sha256',
    },
  },
  'ubuntu-24.04-minimal': {
    pinned: {
      url: 'https://cloud-images.ubuntu.com/minimal/releases/noble/release-20260716/ubuntu-24.04-minimal-cloudimg-amd64.img',
      digest: 'sha256:d99d1abe3284e568161b3b7dabfbd6cf67956a7f4274b13842f10aa9c7807a2c',
    },
    latest: {
      url: 'https://cloud-images.ubuntu.com/minimal/releases/noble/release/ubuntu-24.04-minimal-cloudimg-amd64.img',
      checksums: 'https://cloud-images.ubuntu.com/minimal/releases/noble/release/SHA256SUMS',
      format: 'gnu',
      algorithm: 'sha256',
    },
  },
  'ubuntu-26.04': {
    pinned: {
      url: 'https://cloud-images.ubuntu.com/releases/resolute/release-20260720/ubuntu-26.04-server-cloudimg-amd64.img',
      digest: 'sha256:117816726abbdefc5ef3e38902e81a76f1c76c3610e709999d0885f9d5d9b477',
    },
    latest: {
      url: 'https://cloud-images.ubuntu.com/releases/resolute/release/ubuntu-26.04-server-cloudimg-amd64.img',
      checksums: 'https://cloud-images.ubuntu.com/releases/resolute/release/SHA256SUMS',
      format: 'gnu',
      algorithm: 'sha256',
    },
  },
  'ubuntu-26.04-v3': {
    pinned: {
      url: 'https://cloud-images.ubuntu.com/releases/resolute/release-20260720/ubuntu-26.04-server-cloudimg-amd64v3.img',
      digest: 'sha256:2e7bc9471ec729b7d9ee59958258da6d3943c86b50b6c98d7dedb84cc6724bbf',
    },
    latest: {
      url: 'https://cloud-images.ubuntu.com/releases/resolute/release/ubuntu-26.04-server-cloudimg-amd64v3.img',
      checksums: 'https://cloud-images.ubuntu.com/releases/resolute/release/SHA256SUMS',
      format: 'gnu',
      algorithm: 'sha256',
    },
    quirks: ['x86-64-v3'],
  },
  'ubuntu-26.04-minimal': {
    pinned: {
      url: 'https://cloud-images.ubuntu.com/minimal/releases/resolute/release-20260717/ubuntu-26.04-minimal-cloudimg-amd64.img',
      digest: 'sha256:fe1deeb97031e27f929dca2472bb4ef30c38e33fa43eb2f721b20f12db1d0da1',
    },
    latest: {
      url: 'https://cloud-images.ubuntu.com/minimal/releases/resolute/release/ubuntu-26.04-minimal-cloudimg-amd64.img',
      checksums: 'https://cloud-images.ubuntu.com/minimal/releases/resolute/release/SHA256SUMS',
      format: 'gnu',
      algorithm: 'sha256',
    },
  },
} as const satisfies Record<string, Entry>
