import { createHash } from 'node:crypto'
import type { BuiltImage } from '../../options/image.ts'
import { CUSTOMIZE, GUEST_FILES } from './guest-files.ts'

/** Raise it when the build changes in a way that nothing else in the recipe shows. */
const FORMAT_VERSION = 1
/**
 * The kernel's command line; most of what makes a fast boot is in the image, for boot loaders to profit too.
 *
 * Nobody attacks a guest that runs one test suite. cloud-init.service is its stage `init`, which has nothing left to do:
 * our seed says `dsmode: local`, so that the stage before has done it all. Cards keep the kernel's names, whatever udev would call them.
 */
const APPEND =
  'root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 tsc=reliable mitigations=off cryptomgr.notests systemd.mask=cloud-init.service'
const FILE_SYSTEM_LABEL = 'vitest-guest'
const DISK_SIZE = '8G'

const KERNEL = 'linux-image-cloud-amd64'
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

/** A kernel among the packages (`linux-image-amd64`, say, which has drivers for real hardware) takes the cloud kernel's place. */
export function makeRecipe(image: BuiltImage): Recipe {
  const { base, packages } = image
  const kernel = packages.some((name) => KERNEL_PACKAGE.test(name)) ? [] : [KERNEL]
  const content = {
    formatVersion: FORMAT_VERSION,
    append: APPEND,
    suite: 'bookworm',
    mmdebstrap: [
      '--mode=root',
      '--format=directory',
      '--variant=minbase',
      '--aptopt=APT::Install-Recommends "false"',
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      '--dpkgopt=path-exclude=/usr/share/man/*',
      '--dpkgopt=path-exclude=/usr/share/locale/*',
      `--include=${[...BASE_PACKAGES, ...kernel, ...packages].join(',')}`,
    ],
    mke2fs: ['-q', '-t', 'ext4', '-L', FILE_SYSTEM_LABEL, '-m', '0', '-J', 'size=16'],
    size: DISK_SIZE,
    files: GUEST_FILES,
    customize: CUSTOMIZE,
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
