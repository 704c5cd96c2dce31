import { createHash } from 'node:crypto'
import type { BuiltImage } from '../../options/image.ts'
import { RELEASES } from './releases.ts'

/** Raise it when the build changes in a way that nothing else in the recipe shows. */
const FORMAT_VERSION = 1
const FILE_SYSTEM_LABEL = 'vitest-guest'
const DISK_SIZE = '8G'

const KERNEL_PACKAGE = /^linux-image-/
const BASE_PACKAGES = [
  'systemd-sysv',
  'dbus',
  'udev',
  'kmod',
  'initramfs-tools',
  'lz4',
  'cloud-init',
  'cloud-guest-utils',
  'openssh-server',
  'openssh-sftp-server',
  'python3',
  'sudo',
  'iproute2',
  'iputils-ping',
  'curl',
  'ca-certificates',
  'netbase',
  'procps',
  'less',
  'e2fsprogs',
  'libpam-systemd',
]

/** Everything that decides what a built image holds. */
export interface Recipe {
  /** What was asked for. */
  readonly image: BuiltImage
  readonly label: string
  /** Digest of the image and all the rest. */
  readonly key: string
  /** Name of the folder in the cache. */
  readonly folder: string
  readonly append: string
  readonly suite: string
  readonly mmdebstrap: readonly string[]
  readonly mke2fs: readonly string[]
  /** Of the disk, as mke2fs takes it. */
  readonly size: string
  /** Text of the files that are in place before any package is installed, by absolute path. */
  readonly files: Readonly<Record<string, string>>
  /** A program for mmdebstrap's last hook; its argument is the new root. */
  readonly customize: string
}

/** Its options for every build. */
export function mmdebstrapOptions(variant: 'minbase' | 'custom'): string[] {
  return [
    '--mode=root',
    '--format=directory',
    `--variant=${variant}`,
    '--aptopt=APT::Install-Recommends "false"',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/locale/*',
  ]
}

/** Whether one of the packages is a kernel (`linux-image-amd64`, say, which has drivers for real hardware): it takes the cloud kernel's place. */
export function replacesKernel(packages: readonly string[]): boolean {
  return packages.some((name) => KERNEL_PACKAGE.test(name))
}

export function makeRecipe(image: BuiltImage): Recipe {
  const { base, packages } = image
  const release = RELEASES[base]
  const kernel = replacesKernel(packages) ? [] : [release.kernel]
  const content = {
    formatVersion: FORMAT_VERSION,
    append: release.append,
    suite: release.suite,
    mmdebstrap: [
      ...mmdebstrapOptions('minbase'),
      ...release.options,
      `--include=${[...BASE_PACKAGES, ...release.packages, ...kernel, ...packages].join(',')}`,
    ],
    mke2fs: ['-q', '-t', 'ext4', '-L', FILE_SYSTEM_LABEL, '-m', '0', '-J', 'size=16'],
    size: DISK_SIZE,
    files: release.files,
    customize: release.customize,
  }
  const key = createHash('sha256')
    .update(JSON.stringify([base, content]))
    .digest('hex')
  return {
    ...content,
    image,
    label: [base, ...packages].join(' + '),
    key,
    folder: `${[base, ...packages].join('+').slice(0, 100)}-${key.slice(0, 12)}`,
  }
}
