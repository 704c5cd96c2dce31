import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { temporaryFolder } from './support/temporary-folder.ts'

const PROGRAM = fileURLToPath(new URL('programs/no-descriptors.ts', import.meta.url))

test('a process at its limit of open files gets our error, and goes on', async () => {
  const { stdout } = await execa('prlimit', ['--nofile=100', process.execPath, PROGRAM, temporaryFolder()])
  const outcomes = JSON.parse(stdout) as Record<string, string>
  expect(Object.keys(outcomes)).toEqual(['run', 'lock', 'pack', 'keeper', 'hold', 'forward'])
  for (const [name, outcome] of Object.entries(outcomes))
    expect(outcome, name).toMatch(/^(?!not ours).*(EMFILE|error 24)/)
})
