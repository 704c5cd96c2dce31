import type { BuiltImageName } from '../../options/image.ts'
import { CUSTOMIZE, CUSTOMIZE_PLAIN, ENABLE_NETWORKD, GUEST_FILES, PLAIN_FILES, SSHD_FILE } from './guest-files.ts'

/** What differs between Debian's releases. */
export interface Release {
  readonly suite: string
  /** Its package, unless the packages of the image have another. */
  readonly kernel: string
  /** Beside those that all have. */
  readonly packages: readonly string[]
  /** For mmdebstrap. */
  readonly options: readonly string[]
  /** By absolute path; in place before any package is installed. */
  readonly files: Readonly<Record<string, string>>
  /** A program for mmdebstrap's last hook; its argument is the new root. */
  readonly customize: string
  /** For the kernel's command line. */
  readonly append: string
}

/**
 * The kernel's command line; most of what makes a fast boot is in the image, for boot loaders to profit too.
 *
 * Nobody attacks a guest that runs one test suite. Cards keep the kernel's names, whatever udev would call them: cloud-init 20.4, in
 * bullseye, cannot look them up by their MAC.
 */
const APPEND = 'root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 tsc=reliable mitigations=off cryptomgr.notests'
/** As Debian's installer makes it; bookworm and later are so anyway. (mmdebstrap's own hook needs a package that bullseye has not.) */
const MERGED_USR =
  '--setup-hook=for name in bin sbin lib lib32 lib64 libx32; do mkdir -p "$1/usr/$name"; ln -s "usr/$name" "$1/$name"; done'

const KERNEL = 'linux-image-cloud-amd64'

const PLAIN = {
  kernel: KERNEL,
  packages: [],
  options: [],
  files: PLAIN_FILES,
  customize: `${CUSTOMIZE_PLAIN}${ENABLE_NETWORKD}`,
  append: APPEND,
}

export const RELEASES: Readonly<Record<BuiltImageName, Release>> = {
  'debian-11': {
    ...PLAIN,
    suite: 'bullseye',
    // Of the last point release: since the end of its support, debian-security has lost packages (seen: 404 for its newest kernel).
    kernel: `${KERNEL}/bullseye`,
    // cloud-init 20.4 has no renderer for networkd.
    packages: ['ifupdown', 'isc-dhcp-client'],
    options: [MERGED_USR],
    files: { ...PLAIN_FILES, ...SSHD_FILE },
    customize: CUSTOMIZE_PLAIN,
  },
  'debian-12': {
    suite: 'bookworm',
    kernel: KERNEL,
    packages: [],
    options: [],
    files: GUEST_FILES,
    customize: CUSTOMIZE,
    // cloud-init.service is its stage `init`, which has nothing left to do: our seed says `dsmode: local`, so that the stage before has done it all.
    append: `${APPEND} systemd.mask=cloud-init.service`,
  },
  'debian-13': { ...PLAIN, suite: 'trixie' },
}
