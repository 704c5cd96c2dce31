import { realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Client } from 'ssh2'
import { run } from '../host/run.ts'
import { packTar } from '../host/tar.ts'
import { requireTool } from '../host/tools.ts'
import { hostFileError } from './file-error.ts'
import { receiveScript } from './file-scripts.ts'
import { progress, type TransferProgress } from './progress.ts'
import { pump } from './pump.ts'
import { withProgram, type Act } from './with-program.ts'

/** Packs a file or folder of the host into a program of the guest that unpacks it. */
export async function upload(
  client: Client,
  localPath: string,
  onProgress: ((progress: TransferProgress) => void) | undefined,
  act: Act,
): Promise<void> {
  const failed = (cause: unknown) => hostFileError(act.what, localPath, cause)
  const source = await realpath(localPath).catch((cause: unknown) => {
    throw failed(cause)
  })
  const isFolder = (await stat(source)).isDirectory()
  const size = onProgress ? sizeOf(source) : Promise.resolve(0)
  size.catch(() => {})
  const { onBytes, finish } = progress(localPath, size, onProgress)
  const script = receiveScript(act.path, { name: basename(source), isFolder })
  await withProgram(client, script, act, async (running) => {
    const tar = packTar(source)
    try {
      running.channel.resume()
      await pump(tar.output, running.channel, running, onBytes)
      // Only a whole archive is ended; the program is stopped otherwise, before it takes the half for all.
      await tar.done.catch((cause: unknown) => {
        throw failed(cause)
      })
      running.channel.end()
    } finally {
      await tar.kill()
    }
  })
  await finish()
}

async function sizeOf(path: string): Promise<number> {
  const stdout = await run(requireTool('du'), ['--summarize', '--block-size=1', '--', path])
  return Number.parseInt(stdout, 10)
}
