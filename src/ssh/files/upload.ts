import { realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Client } from 'ssh2'
import { readWhole } from '../../host/files/read-whole.ts'
import { run } from '../../host/program/run.ts'
import { packTar } from '../../host/files/tar.ts'
import { requireTool } from '../../host/program/tools.ts'
import { hostFileError } from './file-error.ts'
import { receiveFileScript, receiveScript } from './file-scripts.ts'
import { progress, type TransferProgress } from './progress.ts'
import { pump } from './pump.ts'
import { withProgram, type Act } from './with-program.ts'

/** From this size in bytes, a file is sent without tar, which takes a sixth longer; for smaller files, tar saves three programs. */
const LARGE = 4 * 1024 * 1024
/** Bytes of a block, as `stat` counts them. */
const BLOCK = 512

/** Packs a file or folder, for a program in the guest to unpack; a large file without holes is sent as it is. */
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
  const stats = await stat(source)
  const isBare = stats.isFile() && stats.size >= LARGE && stats.blocks * BLOCK >= stats.size
  const size = isBare ? Promise.resolve(stats.size) : onProgress ? sizeOf(source) : Promise.resolve(0)
  size.catch(() => {})
  const { onBytes, finish } = progress(localPath, size, onProgress)
  const script = isBare
    ? receiveFileScript(act.path, stats)
    : receiveScript(act.path, { name: basename(source), isFolder: stats.isDirectory() })
  await withProgram(client, script, act, async (running) => {
    const { output, done, kill } = isBare ? readWhole(source, stats.size) : packTar(source)
    try {
      running.stdout.resume()
      await pump(output, running.stdin, running, onBytes).catch((error: unknown) => {
        throw output.errored ? failed(output.errored) : error
      })
      // Ended only when complete; otherwise the program is stopped, so that it does not keep a part.
      await done.catch((cause: unknown) => {
        throw failed(cause)
      })
      running.stdin.end()
    } finally {
      await kill()
    }
  })
  await finish()
}

async function sizeOf(path: string): Promise<number> {
  const stdout = await run(requireTool('du'), ['--summarize', '--block-size=1', '--', path])
  return Number.parseInt(stdout, 10)
}
