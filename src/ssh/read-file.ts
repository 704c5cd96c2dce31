import type { Client } from 'ssh2'
import { readScript } from './file-scripts.ts'
import { withProgram, type Act } from './with-program.ts'

/** The bytes of a file of the guest. */
export async function readFile(client: Client, act: Act): Promise<Buffer> {
  return withProgram(client, readScript(act.path), act, async ({ channel, signal, tick, endedWell }) => {
    const chunks: Buffer[] = []
    channel.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      tick()
    })
    channel.end()
    signal.throwIfAborted()
    await endedWell()
    return Buffer.concat(chunks)
  })
}
