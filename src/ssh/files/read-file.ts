import type { Client } from 'ssh2'
import { collect } from '../command/collect.ts'
import { tooLarge } from './file-error.ts'
import { readScript } from './file-scripts.ts'
import { withProgram, type Act } from './with-program.ts'

/** The bytes of a file of the guest. @throws CommandError when there are more than `maxBytes` */
export async function readFile(client: Client, maxBytes: number, act: Act): Promise<Buffer> {
  return withProgram(client, readScript(act.path), act, async ({ stdin, stdout, signal, moved, endedWell, fail }) => {
    const read = collect(stdout, maxBytes, () => fail(tooLarge(act, maxBytes)))
    stdout.on('data', (chunk: Buffer) => moved(chunk.length))
    stdin.end()
    signal.throwIfAborted()
    await endedWell()
    await read.done
    return read.bytes
  })
}
