import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { HostError } from '../../src/errors.ts'
import { run } from '../../src/host/program/run.ts'
import { commandLineOf } from '../support/processes.ts'

const RUN = fileURLToPath(new URL('../../src/host/program/run.ts', import.meta.url))

test('a running program ends with this process, whatever ends that', async () => {
  const script = `
    import { run } from ${JSON.stringify(RUN)}
    await run('sh', ['-c', 'echo $$; exec sleep 300'], { onLine: (line) => console.log(line) })`
  const us = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(us.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  await expect.poll(() => commandLineOf(pid)).toBe('sleep 300')
  us.kill('SIGKILL')
  await expect.poll(() => commandLineOf(pid)).toBe('')
})

test('the error says why a program failed', async () => {
  const error = await run('sh', ['-c', 'echo said; echo why >&2; exit 3']).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(HostError)
  expect(error).toMatchObject({
    message: expect.stringMatching(/^sh failed with exit code 3\n/) as string,
    command: 'sh -c echo said; echo why >&2; exit 3',
    stdout: 'said',
    stderr: 'why',
  })
  await expect(run('/usr/bin/no-such-program', [])).rejects.toThrow('no-such-program failed with exit code 127')
  await expect(run('sleep', ['300'], { timeoutMs: 50 })).rejects.toThrow('sleep timed out')
  await expect(run('sleep', ['300'], { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/)
})
