import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Client } from 'ssh2'
import { putInPlace } from '../host/put-in-place.ts'
import { unpackTar } from '../host/tar.ts'
import { hostFileError } from './file-error.ts'
import { sendScript } from './file-scripts.ts'
import { progress, type TransferProgress } from './progress.ts'
import { pump } from './pump.ts'
import { withProgram, type Act } from './with-program.ts'

/** Unpacks what a program of the guest packs, in a folder beside the target, and moves it there once it is whole. */
export async function download(
  client: Client,
  localPath: string,
  onProgress: ((progress: TransferProgress) => void) | undefined,
  act: Act,
): Promise<void> {
  const onHost = <T>(work: Promise<T>) =>
    work.catch((cause: unknown) => {
      throw hostFileError(act.what, localPath, cause)
    })
  const target = await realpath(localPath).catch(() => resolve(localPath))
  const stage = await onHost(mkdtemp(join(dirname(target), '.vitest-guest-')))
  try {
    const script = sendScript(act.path, { measure: onProgress !== undefined })
    await withProgram(client, script, act, async (running) => {
      const size = running.greeting.then((words) => Number.parseInt(words, 10) || 0)
      const { onBytes, finish } = progress(act.path, size, onProgress)
      const tar = unpackTar(stage)
      try {
        running.channel.end()
        // tar may go at the end mark of the archive, before the padding has come, or because it failed.
        await pump(running.channel, tar.input, running, onBytes, () => onHost(tar.done))
        if (tar.input.destroyed) await onHost(tar.done)
        // First, as it is the guest that knows why an archive ends early.
        await running.endedWell()
        tar.input.end()
        await onHost(tar.done)
        await finish()
      } finally {
        await tar.kill()
      }
    })
    const [name = ''] = await readdir(stage)
    await onHost(putInPlace(join(stage, name), target))
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}
