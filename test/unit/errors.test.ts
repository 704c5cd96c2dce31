import { expect, test } from 'vitest'
import { BootError, GuestError } from '../../src/errors.ts'

test('the first line says what happened, the last what to do, with evidence in between', () => {
  const error = new BootError('It did not boot', { consoleTail: 'one\ntwo\n', stderr: 'oops\n', hint: 'Try again.' })
  expect(error.message).toBe('It did not boot\nstderr:\n  | oops\nconsole:\n  | one\n  | two\nTry again.')
  expect(error).toMatchObject({ name: 'BootError', consoleTail: 'one\ntwo\n', hint: 'Try again.' })
})

test('the message has only the end of long evidence, the field all of it', () => {
  const stderr = Array.from({ length: 40 }, (_, index) => `line ${index}`).join('\n')
  const error = new GuestError('No', { stderr })
  expect(error.message).not.toContain('line 27\n')
  expect(error.message).toContain('line 28\n')
  expect(error.stderr).toBe(stderr)
})

test('the ends of both streams of a command are shown, and only a part of an endless line', () => {
  const stdout = `${'begin\n'.repeat(20)}last of stdout\n`
  const error = new GuestError('No', { stdout, stderr: 'x'.repeat(100_000) })
  expect(error.message).toMatch(/^No\nstdout:\n( {2}\| begin\n){11} {2}\| last of stdout\nstderr:\n {2}\| x{400} …$/)
  expect(error.stdout).toBe(stdout)
})

test('missing facts are not fields; the cause is kept', () => {
  const cause = new Error('why')
  const error = new GuestError('No', { cause, hint: undefined })
  expect(error.cause).toBe(cause)
  expect(Object.keys(error)).toEqual([])
})

test('its stack reaches the caller from deep inside, without changing the limit for other errors', () => {
  const limit = Error.stackTraceLimit
  const deep = (more: number): GuestError => (more === 0 ? new GuestError('No') : deep(more - 1))
  function caller(): GuestError {
    return deep(30)
  }
  expect(caller().stack).toContain('at caller (')
  expect(Error.stackTraceLimit).toBe(limit)
})

test('a test runner gets the ends of long fields, and the beginning of a command', () => {
  const log = `begin${'\n'.repeat(5000)}end`
  const error = new GuestError('No', { stdout: log, command: log, exitCode: 3, cause: new Error('why') })
  const json = error.toJSON()
  expect(json).toMatchObject({ name: 'GuestError', message: error.message, stack: error.stack, exitCode: 3 })
  expect(json['stdout']).toMatch(/^… \(4008 more characters\) …\n{997}end$/)
  expect(json['command']).toMatch(/^begin\n{995}… \(4008 more characters\) …$/)
  expect(json['cause']).toBe(error.cause)
})
