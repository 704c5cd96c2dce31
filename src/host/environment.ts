import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The one place that reads the environment.
 *
 * - `VITEST_GUEST_CACHE`: folder for images and templates; default `$XDG_CACHE_HOME/vitest-guest`, else `~/.cache/vitest-guest`.
 * - `VITEST_GUEST_IMAGE_MIRROR`: a base URL, below which vendors' images are looked for; default none.
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

/** Where the disks of running guests grow; as in QEMU, not in /tmp, which may be in memory. */
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
 * For QEMU, which is not trusted: it does not see our environment, which may hold secrets. Its temporary folder is its working folder,
 * because root's QEMU, which has no rights, reaches it in no other way.
 */
export function qemuEnvironment(): NodeJS.ProcessEnv {
  return { PATH: searchPath(), LC_ALL: 'C.UTF-8', TMPDIR: '.' }
}
