import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tethered } from '../../src/network/keeper/lifeline.ts'
import { commandLineOf, processIds } from '../support/processes.ts'

const fifo = join(tmpdir(), `vg-lifeline-${process.pid}`)
let end: number

beforeAll(async () => {
  await execa('mkfifo', [fifo])
  end = openSync(fifo, 'r+')
})
afterAll(() => rmSync(fifo))

/** Runs a shell script on the lifeline until it has ended. */
async function run(script: string, input = '') {
  const [file, ...args] = tethered(fifo, ['sh', '-c', script])
  const { stdout, exitCode, signal } = await execa(file, args, { input, reject: false })
  return { stdout, exitCode, signal }
}

test('input, output, exit code and signal are those of the program', async () => {
  expect(await run('cat', 'hello')).toEqual({ stdout: 'hello', exitCode: 0, signal: undefined })
  expect(await run('exit 3')).toMatchObject({ exitCode: 3 })
  expect(await run('kill -TERM $$')).toMatchObject({ signal: 'SIGTERM' })
  expect(await run('kill -KILL $$')).toMatchObject({ signal: 'SIGKILL' })
})

test('the program ends when the other end is closed, or the watcher is killed', async () => {
  const start = () => {
    const [file, ...args] = tethered(fifo, ['setpriv', '--pdeathsig', 'KILL', 'sh', '-c', 'echo $$; exec sleep 300'])
    return spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  }
  const pidOf = async (child: ChildProcess) => Number(String(((await once(child.stdout!, 'data')) as [Buffer])[0]))
  const one = start()
  const two = start()
  const [pid] = await Promise.all([pidOf(one), pidOf(two)])
  const gone = [once(one, 'close'), once(two, 'close')]
  one.kill('SIGKILL')
  await gone[0]
  await expect.poll(() => commandLineOf(pid)).toBe('')
  closeSync(end)
  expect(await gone[1]).toEqual([null, 'SIGKILL'])
  const watchers = () => processIds().filter((each) => commandLineOf(each).includes('kill -KILL "$0"'))
  await expect.poll(() => watchers().filter((each) => commandLineOf(each).includes(`${pid}`))).toEqual([])
  const late = await execa(...(([file, ...args]) => [file, args] as const)(tethered(fifo, ['true'])), {
    reject: false,
    timeout: 500,
  })
  expect(late.exitCode).not.toBe(0)
})
