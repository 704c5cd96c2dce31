import { statfs } from 'node:fs/promises'
import { ImageError } from '../../errors.ts'
import { run } from '../../host/program/run.ts'
import { findTool, requireTool } from '../../host/program/tools.ts'

/** Bytes that a build needs: packages, the tree, and the disk made from it (measured: 1.0 GB). */
const NEEDED = 1.5e9

/**
 * Checks that a build can succeed, before it costs a minute.
 * @throws HostError when a tool is missing; ImageError when there is too little space, or an ordinary user cannot build.
 */
export async function requireBuilder(folder: string, label: string, signal?: AbortSignal): Promise<void> {
  for (const tool of ['mmdebstrap', 'mke2fs', 'tar', 'gzip', 'unshare', 'setpriv'] as const) requireTool(tool)
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < NEEDED) throw noSpace(folder, label, undefined, bavail * bsize)
  if (process.getuid?.() !== 0) await requireSubordinateIds(signal)
}

export function noSpace(folder: string, label: string, cause?: unknown, free?: number): ImageError {
  const has = free === undefined ? 'is full' : `has ${gigabytes(free)} free`
  return new ImageError(`No space to build the image ${label}: ${folder} ${has}, but ${gigabytes(NEEDED)} is needed`, {
    hint: 'Free some space there, or set VITEST_GUEST_CACHE to a folder with more.',
    cause,
  })
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}

/** An ordinary user needs subordinate ids for the image's users; this is tried, not guessed. */
async function requireSubordinateIds(signal?: AbortSignal): Promise<void> {
  if (findTool('newuidmap') === undefined) {
    throw new ImageError('Building an image as an ordinary user needs newuidmap, which is not on PATH', {
      hint: 'Install it: sudo apt-get install uidmap',
    })
  }
  const command = ['--map-root-user', '--map-auto', 'true']
  try {
    await run(requireTool('unshare'), command, { signal })
  } catch (cause) {
    signal?.throwIfAborted()
    const { stderr = '' } = cause as ImageError
    throw new ImageError('Building an image as an ordinary user needs subordinate user ids, which do not work here', {
      command: ['unshare', ...command].join(' '),
      stderr,
      hint: hintFor(stderr),
      cause,
    })
  }
}

function hintFor(stderr: string): string {
  if (/unrecognized option/.test(stderr)) return 'unshare is older than util-linux 2.38: build the image once as root.'
  if (/sub[ug]id|newuidmap|newgidmap/.test(stderr)) {
    return 'Add a range: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER'
  }
  return 'User namespaces seem to be forbidden here: npx vitest-guest doctor shows why. Or build the image once as root.'
}
