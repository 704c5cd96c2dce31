import { Readable } from 'node:stream'
import type { Client } from 'ssh2'
import { writeScript, type WriteWish } from './file-scripts.ts'
import { pump } from './pump.ts'
import { withProgram, type Act } from './with-program.ts'

/** Bytes per write, so that progress in a slow guest is noticed. */
const PIECE = 65_536

export async function writeFile(client: Client, data: Buffer, wish: Omit<WriteWish, 'size'>, act: Act): Promise<void> {
  const script = writeScript(act.path, { ...wish, size: data.length })
  await withProgram(client, script, act, async (running) => {
    running.stdout.resume()
    await pump(Readable.from(pieces(data)), running.stdin, running)
    running.stdin.end()
  })
}

function* pieces(data: Buffer): Generator<Buffer> {
  for (let start = 0; start < data.length; start += PIECE) yield data.subarray(start, start + PIECE)
}
