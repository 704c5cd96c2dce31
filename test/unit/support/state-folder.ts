import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

let made = 0

/** A network's state folder, with or without a keeper that answers. */
export async function stateFolder(
  parent: string,
  answers = true,
  name = `vitest-guest-${`${made++}`.padStart(12, '0')}`,
) {
  const folder = join(parent, name)
  const socketPath = join(folder, 'keeper.sock')
  mkdirSync(folder, { mode: 0o700 })
  if (answers) {
    const server = createServer((socket) => socket.end())
    await new Promise<void>((resolve) => server.listen(socketPath, resolve))
    onTestFinished(() => void server.close())
  }
  return { stateFolder: folder, socketPath }
}
