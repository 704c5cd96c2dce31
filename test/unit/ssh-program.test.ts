import { expect, test } from 'vitest'
import { startProgram } from '../../src/ssh/files/program.ts'
import { logIn, startSshServer } from '../support/ssh-server.ts'

test('a program that misses the first signal gets another', async () => {
  await using server = await startSshServer()
  const client = await logIn(server)
  try {
    const script = `trap 'trap "exit 7" TERM' TERM\ntell hello\nwhile :; do sleep 0.1; done`
    const program = await startProgram(client, script, 'a test')
    expect(await program.greeting).toBe('hello')
    await program.stop()
    expect(await program.ended).toMatchObject({ exitCode: 7 })
    // After its end nothing more is sent.
    const { length } = server.commands
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(server.commands).toHaveLength(length)
  } finally {
    client.destroy()
  }
})
