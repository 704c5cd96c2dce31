import { mkdir, mkdtemp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'ssh2'
import { kindOf, landingPlace } from '../../host/files/landing-place.ts'
import { putInPlace } from '../../host/files/put-in-place.ts'
import { removeTree } from '../../host/files/remove-tree.ts'
import { type LeftOut, type Names, unpackTar } from '../../host/files/unpack-tar.ts'
import { badArchive, hostFileError, tooLarge } from './file-error.ts'
import { sendScript } from './file-scripts.ts'
import { progress, type TransferProgress } from './progress.ts'
import { pump } from './pump.ts'
import { withProgram, type Act } from './with-program.ts'
import { inspect } from 'node:util'
import { warnOnce } from '../../host/warn-once.ts'

export interface DownloadWish {
  onProgress: ((progress: TransferProgress) => void) | undefined
  maxBytes: number
}

/** Bytes that tar may add to the end of an archive. */
const PADDING = 65_536

/**
 * Unpacks what the guest packs in a folder beside the target, and moves it there once it is complete. The guest is untrusted: nothing that
 * comes from it is followed, and it chooses neither place nor name.
 */
export async function download(
  client: Client,
  localPath: string,
  { onProgress, maxBytes }: DownloadWish,
  act: Act,
): Promise<void> {
  const onHost = <T>(work: Promise<T>) =>
    work.catch((cause: unknown) => {
      throw hostFileError(act.what, localPath, cause)
    })
  const { folder, target } = await onHost(landingPlace(localPath))
  const stage = await onHost(mkdtemp(join(folder, '.vitest-guest-')))
  try {
    // An archive may change the permissions of the folder it is unpacked into; the folder around it stays closed.
    const unpacked = join(stage, 'unpacked')
    await onHost(mkdir(unpacked))
    const script = sendScript(act.path, { measure: onProgress !== undefined })
    const leftOut = await withProgram(client, script, act, async (running) => {
      const size = running.greeting.then((words) => Number.parseInt(words, 10) || 0)
      const { onBytes, finish } = progress(act.path, size, onProgress)
      const tar = await onHost(Promise.resolve().then(() => unpackTar(unpacked, maxBytes)))
      const count = (bytes: number) => {
        if (bytes > maxBytes + PADDING) throw tooLarge(act, maxBytes)
        onBytes(bytes)
      }
      try {
        running.stdin.end()
        // tar may exit at the archive's end mark, before the padding has arrived, or because it failed.
        await pump(running.stdout, tar.input, running, count, () => onHost(tar.done))
        if (tar.input.destroyed) await onHost(tar.done)
        // First, because the guest knows why an archive ends early.
        await running.endedWell()
        tar.input.end()
        await onHost(tar.done)
        await finish()
      } finally {
        await tar.kill()
      }
      return tar.leftOut
    })
    const [name, ...more] = await onHost(readdir(unpacked))
    if (name === undefined || more.length > 0)
      throw badArchive(act, `${name === undefined ? 0 : 1 + more.length} entries`)
    const source = join(unpacked, name)
    const kind = await onHost(kindOf(source))
    if (kind !== 'file' && kind !== 'folder') throw badArchive(act, `a ${kind}`)
    await onHost(putInPlace(source, target))
    warnLeftOut(act.what, leftOut)
  } finally {
    await removeTree(stage)
  }
}

/** Warns about what was left out of a guest's archive. */
function warnLeftOut(what: string, { devices, specialBits }: LeftOut): void {
  if (devices.count > 0) warnOnce(`${what}: skipped devices: ${some(devices)}`)
  if (specialBits.count > 0) warnOnce(`${what}: cleared setuid, setgid and sticky bits: ${some(specialBits)}`)
}

function some({ count, first = '' }: Names): string {
  return count === 1 ? inspect(first) : `${inspect(first)} and ${count - 1} more`
}
