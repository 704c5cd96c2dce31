import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { summarize } from '../../scripts/summary.mjs'

const PROGRAM = new URL('../../scripts/summary.mjs', import.meta.url).pathname

function file(status: string, ...tests: string[]) {
  return { status, assertionResults: tests.map((each) => ({ status: each })) }
}

test('counts passed and failed tests', () => {
  const testResults = [file('passed', 'passed', 'passed'), file('failed', 'failed', 'passed')]
  expect(summarize({ success: false, testResults })).toEqual({ line: '3 passed, 1 failed', ok: false })
})

test('names skipped tests only if there are any', () => {
  const some = [file('passed', 'passed', 'skipped', 'pending', 'todo')]
  expect(summarize({ success: true, testResults: some })).toEqual({ line: '1 passed, 0 failed, 3 skipped', ok: true })
  const none = [file('passed', 'passed')]
  expect(summarize({ success: true, testResults: none })).toEqual({ line: '1 passed, 0 failed', ok: true })
})

test('a file that could not be imported is a failure', () => {
  const testResults = [file('passed', 'passed'), file('failed')]
  expect(summarize({ success: false, testResults })).toEqual({ line: '1 passed, 1 failed', ok: false })
})

test('a hook that failed is a failure, and its tests are skipped', () => {
  const testResults = [file('failed', 'skipped', 'skipped')]
  expect(summarize({ success: false, testResults })).toEqual({ line: '0 passed, 1 failed, 2 skipped', ok: false })
})

test('an unhandled error outside of any test is a failure', () => {
  expect(summarize({ success: false, testResults: [file('passed', 'passed')] })).toEqual({
    line: '1 passed, 1 failed',
    ok: false,
  })
})

test('a run without tests is not a success', () => {
  expect(summarize({ success: true, testResults: [] })).toEqual({ line: '0 passed, 0 failed', ok: false })
  expect(summarize({ success: true, testResults: [file('passed', 'skipped')] }).ok).toBe(false)
})

test('as a program it prints the ten slowest files, the line last, and exits accordingly', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitest-guest-summary-'))
  try {
    const report = join(folder, 'vitest.json')
    writeFileSync(report, JSON.stringify({ success: true, testResults: [file('passed', 'passed')] }))
    const durations = join(folder, 'durations.json')
    const seconds = Array.from({ length: 12 }, (_, n) => [`${n}.test.ts`, n * 1.5] as const)
    writeFileSync(durations, JSON.stringify(Object.fromEntries(seconds)))
    const run = (path: string, ...more: string[]) =>
      spawnSync(process.execPath, [PROGRAM, path, ...more], { encoding: 'utf8' })
    const { status, stdout } = run(report, durations)
    const lines = stdout.trimEnd().split('\n')
    expect(status).toBe(0)
    expect(lines.slice(0, 2)).toEqual(['   16.5 s  11.test.ts', '   15.0 s  10.test.ts'])
    expect(lines.slice(9)).toEqual(['    3.0 s  2.test.ts', '1 passed, 0 failed'])
    expect(run(report)).toMatchObject({ status: 0, stdout: '1 passed, 0 failed\n' })
    expect(run(join(folder, 'none.json'))).toMatchObject({
      status: 1,
      stdout: '0 passed, 0 failed\n',
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
