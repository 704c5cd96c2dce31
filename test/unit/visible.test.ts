import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { appendToError, showControls } from '../../fixtures/evidence/error-text.ts'
import { bootProgress } from '../../fixtures/boot-progress.ts'
import { matchResult } from '../../fixtures/matchers/result.ts'
import { print, printAside } from '../../src/cli/print.ts'
import { renderGuests } from '../../src/cli/ssh.ts'
import { GuestError } from '../../src/errors.ts'
import { warnOnce } from '../../src/host/warn-once.ts'
import { visible } from '../../src/visible.ts'

/** A title (OSC), a screen to clear (CSI), a DCS, a bell, the 8-bit forms of OSC and CSI, and text that runs to the left. */
const ATTACK = '\x1b]0;title\x07 \x1b[2J \x1bP1$r\x1b\\ \x07 \x9d0;x\x9c \x9b2J \u202egpj.exe\r'
const SHOWN = '\\x1b]0;title\\x07 \\x1b[2J \\x1bP1$r\\x1b\\ \\x07 \\x9d0;x\\x9c \\x9b2J \\u202egpj.exe\\x0d'

test('every control character is shown, line ends and tabs are kept', () => {
  expect(visible(ATTACK)).toBe(SHOWN)
  expect(visible(SHOWN)).toBe(SHOWN)
  expect(visible('one\r\n\ttwo\nthrée 🦀')).toBe('one\n\ttwo\nthrée 🦀')
  const all = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join('')
  expect(visible(all).replaceAll(/[ -~\n\t]/g, '')).toBe('')
})

describe('output of a guest is shown that way', () => {
  test('in the message of an error and of its causes; its fields have the original', () => {
    const cause = new Error('disconnected', { cause: new Error(ATTACK) })
    const error = new GuestError(`it says ${ATTACK}`, { stdout: ATTACK, stderr: ATTACK, journal: ATTACK, cause })
    const lines = [`it says ${SHOWN}`, 'journal:', `  | ${SHOWN}`, 'stdout:', `  | ${SHOWN}`, 'stderr:', `  | ${SHOWN}`]
    // The carriage return at the end of a quoted line is white space.
    expect(error.message.replaceAll('\\x0d', '')).toBe(lines.join('\n').replaceAll('\\x0d', ''))
    expect(visible(error.stack ?? '')).toBe(error.stack)
    expect(error.stderr).toBe(ATTACK)
    const inner = cause.cause as Error
    expect([inner.message, visible(inner.stack ?? '')]).toEqual([SHOWN, inner.stack])
  })

  test('in text added to an error, and in everything that vitest shows of one', () => {
    const error: { message: string; stack?: string; diff?: string } = {
      message: 'failed',
      stack: 'Error: failed\n at x',
    }
    appendToError(error, ATTACK)
    expect(error).toEqual({ message: `failed\n${SHOWN}`, stack: `Error: failed\n${SHOWN}\n at x` })
    const mismatch = { message: ATTACK, diff: `\x1b[32m- Expected\x1b[39m\n+ ${ATTACK}` }
    showControls(mismatch)
    expect(mismatch).toEqual({ message: SHOWN, diff: `\x1b[32m- Expected\x1b[39m\n+ ${SHOWN}` })
  })

  test('in a matcher’s message', () => {
    const result = { command: 'true', exitCode: 1, signal: undefined, stdout: ATTACK, stderr: ATTACK }
    const { message } = matchResult(result, 'toSucceed', 0, false) as { message: () => string }
    expect(message()).toContain('\\x1b]0;title\\x07')
    expect(visible(message())).toBe(message())
  })

  test('in what commands print, progress, and warnings', () => {
    const written: unknown[] = []
    for (const stream of [process.stdout, process.stderr]) {
      const spy = vi.spyOn(stream, 'write').mockImplementation((text) => written.push(text) > 0)
      onTestFinished(() => spy.mockRestore())
    }
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation((text) => written.push(text))
    onTestFinished(() => warned.mockRestore())
    const guest = { id: 'abcdef', hostname: ATTACK, address: ATTACK, image: ATTACK, pid: 1, startedAt: 0 }
    print(renderGuests([guest as never], 0))
    printAside(ATTACK)
    using progress = bootProgress()
    progress.onProgress(ATTACK)
    warnOnce(ATTACK)
    expect(written).toHaveLength(4)
    for (const text of written) expect(text).toMatch(/^[ -~\n]*$/)
  })
})

/** Each passes its output through `visible`; doctor's colours are our own, and its facts come from the host. */
const WAYS_OUT = ['src/cli/print.ts', 'src/cli/doctor.ts', 'src/host/warn-once.ts', 'fixtures/boot-progress.ts']

test('nothing else writes to a terminal', () => {
  const files = ['src', 'fixtures'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  const writes = /\b(?:stdout|stderr)\.write\(|\bemitWarning\(|\bconsole\.(?:log|info|warn|error)\(/
  const code = (path: string) => readFileSync(path, 'utf8').replaceAll(/^\s*(?:\/?\*|\/\/).*$/gm, '')
  const found = files.filter((path) => path.endsWith('.ts') && writes.test(code(path)))
  expect(found.toSorted()).toEqual(WAYS_OUT.toSorted())
})
