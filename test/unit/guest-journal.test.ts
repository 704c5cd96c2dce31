import { expect, test } from 'vitest'
import { journalCommand, journalText, parseJournal } from '../../src/guest/inspection/journal.ts'

test('the command asks only for what is needed, and its values are quoted', () => {
  expect(journalCommand({})).not.toMatch(/--since|--unit|--priority/)
  const command = journalCommand({ since: new Date(1_700_000_000_123), unit: "it's", priority: 'warning' })
  expect(command).toContain(`--since=@1700000000.123 --unit='it'\\''s' --priority='warning'`)
  expect(() => journalCommand({ since: new Date('nonsense') })).toThrow('Option `since` must be a valid date')
})

test('entries of units, of systemd about units, of the kernel, and with bytes that are not text', () => {
  const lines = [
    { __REALTIME_TIMESTAMP: '1700000000123456', PRIORITY: '4', _SYSTEMD_UNIT: 'ssh.service', SYSLOG_IDENTIFIER: 'sshd', _PID: '412', MESSAGE: 'two\nlines' },
    { __REALTIME_TIMESTAMP: '1700000001000000', PRIORITY: '6', _SYSTEMD_UNIT: 'init.scope', UNIT: 'nginx.service', SYSLOG_IDENTIFIER: 'systemd', _PID: '1', MESSAGE: 'Started nginx.' },
    { __REALTIME_TIMESTAMP: '1700000002000000', PRIORITY: '3', SYSLOG_IDENTIFIER: 'kernel', MESSAGE: [255, 104, 105] },
    { __REALTIME_TIMESTAMP: '1700000003000000', _COMM: 'cat', MESSAGE: null },
  ] // prettier-ignore
  const entries = parseJournal(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
  expect(entries).toEqual([
    { time: new Date(1_700_000_000_123), priority: 'warning', unit: 'ssh.service', identifier: 'sshd', pid: 412, message: 'two\nlines' },
    { time: new Date(1_700_000_001_000), priority: 'info', unit: 'nginx.service', identifier: 'systemd', pid: 1, message: 'Started nginx.' },
    { time: new Date(1_700_000_002_000), priority: 'err', unit: undefined, identifier: 'kernel', pid: undefined, message: '\ufffdhi' },
    { time: new Date(1_700_000_003_000), priority: 'info', unit: undefined, identifier: 'cat', pid: undefined, message: '' },
  ]) // prettier-ignore
  expect(journalText(entries.slice(1, 3))).toBe(
    '2023-11-14T22:13:21.000Z systemd[1]: Started nginx.\n2023-11-14T22:13:22.000Z kernel: \ufffdhi\n',
  )
  expect(parseJournal('')).toEqual([])
})

test.for([
  'No journal files were found.',
  'null',
  '[]',
  '{',
  '{"MESSAGE":"no time"}',
  '{"__REALTIME_TIMESTAMP":"soon"}',
  `{"__REALTIME_TIMESTAMP":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
])('what is no journal is an error of ours: %s', (line) => {
  const good = '{"__REALTIME_TIMESTAMP":"1700000000123456"}'
  expect(() => parseJournal(`${good}\n${line}\n`)).toThrow(
    expect.objectContaining({
      name: 'CommandError',
      message: expect.stringMatching(
        /^Line 2 of the guest's journal is not a journal entry: .{1,200}\nDoes journalctl/,
      ) as string,
    }),
  )
})
