import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The one place that reads the environment.
 *
 * - `VITEST_GUEST_CACHE`: folder for images and templates; default `$XDG_CACHE_HOME/vitest-guest`, else `~/.cache/vitest-guest`.
 * - `VITEST_GUEST_IMAGE_MIRROR`: a base URL that stands before those of the vendors' images; default none.
 * - `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`: read by undici when it downloads an image.
 * - `TMPDIR`: where state folders are made; default `/tmp`.
 */
export function cacheFolder(): string {
  const { VITEST_GUEST_CACHE: own, XDG_CACHE_HOME: xdg } = process.env
  return own || join(xdg || join(homedir(), '.cache'), 'vitest-guest')
}

export function imageMirror(): string | undefined {
  return process.env['VITEST_GUEST_IMAGE_MIRROR'] || undefined
}

export function temporaryFolder(): string {
  return tmpdir()
}

/** Where disks of running guests grow: as for QEMU's own, not in a /tmp that may be in memory. */
export function overlayFolder(): string {
  return process.env['TMPDIR'] || '/var/tmp'
}

/** `PATH`, with the folders where Debian keeps `ip`, `mke2fs`, and other tools that an ordinary user's PATH lacks. */
export function searchPath(): string {
  return [process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(':')
}

/** The environment for host programs: messages in English, since errors quote them and some are matched. */
export function programEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: searchPath(), LC_ALL: 'C.UTF-8' }
}

/**
 * For QEMU, which is the suspect: what is ours, and a secret perhaps, it does not see. Its temporary folder is the one that it works in, which
 * root's can reach in no other way.
 */
export function qemuEnvironment(): NodeJS.ProcessEnv {
  return { PATH: searchPath(), LC_ALL: 'C.UTF-8', TMPDIR: '.' }
}
