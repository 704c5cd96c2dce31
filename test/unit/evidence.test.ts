import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { duplexPair } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { appendToError } from '../../fixtures/evidence/error-text.ts'
import { lookAround, parseWords } from '../../fixtures/evidence/ask-guest.ts'
import { withBootEvidence } from '../../fixtures/evidence/boot-evidence.ts'
import { troubleOnConsole } from '../../fixtures/evidence/console-guard.ts'
import { commandLine, describeEvidence, evidenceLines } from '../../fixtures/evidence/describe.ts'
import { fit, folderName, writeEvidence } from '../../fixtures/evidence/evidence-folder.ts'
import { parseCursor } from '../../fixtures/evidence/journal-cut.ts'
import { findTrouble } from '../../fixtures/evidence/trouble.ts'
import { resolveSharing } from '../../fixtures/fixture-options.ts'
import { Qmp } from '../../src/qmp/qmp.ts'
import type { Panic, PastCommand } from '../../src/index.ts'
import { Console } from '../../src/machine/console.ts'
import { Panics } from '../../src/machine/panics.ts'

describe('the console guard', () => {
  test.for([
    ["The guest's kernel oopsed", 'Nov 23 06:42:28 guest kernel: Oops: 0002 [#1] PREEMPT SMP NOPTI'],
    ["The guest's kernel oopsed", '[  5.3] BUG: kernel NULL pointer dereference, address: 0000000000000000'],
    [
      "The guest's kernel oopsed",
      '[  5.3] general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP',
    ],
    ['The guest ran out of memory', '[   52.4] Out of memory: Killed process 320 (python3) total-vm:111412kB'],
    [
      'The guest ran out of memory',
      'kernel: Memory cgroup out of memory: Killed process 320 (python3) total-vm:111412kB',
    ],
    [
      'A program crashed in the guest',
      'guest kernel: python3[315]: segfault at 0 ip 00007f3bcbc7d219 sp 00007ffd error 4 in libc.so.6',
    ],
    [
      'A program crashed in the guest',
      'guest kernel: traps: a.out[77] trap invalid opcode ip:401106 sp:7ffe error:0 in a.out[401000+1000]',
    ],
    ['A program crashed in the guest', 'systemd[1]: web.service: Main process exited, code=dumped, status=6/ABRT'],
    ['A program crashed in the guest', 'systemd-coredump[99]: Process 98 (web) of user 0 dumped core.'],
  ] as const)('knows that %s: %s', ([what, line]) => {
    expect(findTrouble(`nothing\n${line}\nnothing`)).toEqual([{ what, line }])
  })

  const signalled = (signal: number) =>
    `kernel: potentially unexpected fatal signal ${signal}.\nkernel: CPU: 0 PID: 345 Comm: a b Not tainted 6.1.0 #1  Debian\nkernel: RIP: 0033:0x7f`
  const line = 'kernel: potentially unexpected fatal signal 6. a b[345]'

  test('names the program that dumped core', () => {
    expect(findTrouble(signalled(6))).toEqual([{ what: 'A program crashed in the guest', line }])
    expect(findTrouble(signalled(6), ['a b['])).toEqual([])
    // Even without the line that names it.
    expect(findTrouble('kernel: x: potentially unexpected fatal signal 6.')).toHaveLength(1)
    expect(findTrouble(signalled(3))).toEqual([])
  })

  test.for(['kernel: a b[345]: segfault at 0 ip 0', 'kernel: traps: a b[345] trap divide error ip:0 sp:0'])(
    'reports a fault once: %s',
    (fault) => {
      expect(findTrouble(`${fault}\n${signalled(11)}`)).toEqual([
        { what: 'A program crashed in the guest', line: fault },
      ])
      expect(findTrouble(`${fault}\n${signalled(11)}`, ['a b['])).toEqual([])
      expect(findTrouble(`${fault.replace('345', '7')}\n${signalled(11)}`)).toHaveLength(2)
    },
  )

  test.for([
    'systemd[1]: web.service: Main process exited, code=exited, status=1/FAILURE',
    'sshd[312]: debug: the word panic alone is nobody’s kernel',
    '[   68.3] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
    '[    1.4] audit: type=2000 audit(1795415583.004:1): state=initialized audit_enabled=0 res=1',
  ])('passes over: %s', (line) => {
    expect(findTrouble(line)).toEqual([])
  })

  test('a panic is trouble unless the test waited for it; so is the oops that led to it', async () => {
    const [host, serial] = duplexPair()
    const console = new Console(host)
    const panics = new Panics(console, new Qmp(duplexPair()[0]))
    const guest = { console, panics: panics.list }
    const say = async (text: string) => {
      serial.write(text)
      await turn()
    }
    const oops = '[ 4.0] Oops: 0002 [#1] SMP'
    await say(`before ${'x'.repeat(4_100_000)}\n`)
    const { position } = console
    await say(`${oops}\n[ 4.1] Kernel panic - not syncing: Fatal exception\n`)
    expect(troubleOnConsole(guest, position, [])).toEqual([
      { what: "The guest's kernel panicked", line: 'Kernel panic - not syncing: Fatal exception' },
      { what: "The guest's kernel oopsed", line: oops },
    ])
    expect(troubleOnConsole(guest, position, ['Fatal', /Oops/])).toEqual([])
    expect(troubleOnConsole(guest, console.position, [])).toEqual([])
    panics.expect(panics.list[0] as Panic)
    expect(troubleOnConsole(guest, position, [])).toEqual([])
    await say(`${oops}\n`)
    expect(troubleOnConsole(guest, position, [])).toEqual([{ what: "The guest's kernel oopsed", line: oops }])
  })

  test('takes no longer for a malicious line', () => {
    const startedAt = performance.now()
    expect(findTrouble('traps: '.repeat(500_000))).toEqual([])
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })

  test('ignores allowed lines, by a part of the line or a pattern, repeatedly', () => {
    const log =
      'kernel: mine[1]: segfault at 0 ip\nkernel: other[2]: segfault at 0 ip\nkernel: mine[3]: segfault at 0 ip'
    expect(findTrouble(log, ['mine[']).map(({ line }) => line)).toEqual(['kernel: other[2]: segfault at 0 ip'])
    expect(findTrouble(log, [/mine\[/g, /other/y])).toHaveLength(1)
    expect(findTrouble(log, [/mine/g, /other/g])).toEqual([])
  })

  test.for([
    ['yes', "`consoleGuard` must be true, false, or { allow: [strings and regular expressions] }; got 'yes'"],
    [{ allow: 'oops' }, '`consoleGuard` must be true, false, or { allow: [strings and regular expressions] }'],
    [{ allow: [1] }, '`consoleGuard` must be'],
  ])('a bad option: %o', ([consoleGuard, message]) => {
    expect(() => resolveSharing({ consoleGuard } as object)).toThrow(message)
  })
})

test('keep is one of two words', () => {
  expect(() => resolveSharing({ keep: 'always' } as object)).toThrow("`keep` must be one of 'never', 'on-failure'")
})

test('text is added to the message, and to the stack that begins with it', () => {
  const error = new TypeError('first\nsecond')
  const frames = error.stack?.split('\n').slice(2) ?? []
  appendToError(error, '\nguest')
  expect(error.message).toBe('first\nsecond\n\nguest')
  expect(error.stack?.split('\n')).toEqual(['TypeError: first', 'second', '', 'guest', ...frames])
  const bare: { message: string; stack?: string } = { message: 'timed out' }
  appendToError(bare, 'guest')
  expect(bare).toEqual({ message: 'timed out\nguest' })
})

test('folders are named after the tests, as far as a path allows', () => {
  expect(folderName('web.test.ts', 'suite: a/b “quoted”', '')).toBe('web.test.ts-suite-a-b-quoted')
  expect(folderName('../..', 'x')).toBe('x')
  expect(folderName('größe')).toBe('größe')
  expect(folderName('x'.repeat(500))).toHaveLength(120)
  expect(folderName('x'.repeat(500))).not.toBe(folderName('x'.repeat(501)))
  expect(folderName('???')).toBe('unnamed')
})

test('evidence stays within its limit, and says what was omitted', async () => {
  const line = 'a line of some length\n'
  const files = {
    'console.log': line.repeat(10_000),
    'journal.log': line.repeat(5000),
    'note.txt': 'short',
    'packets.pcap': new Uint8Array(90_000),
  }
  expect(fit(files, 1_000_000)).toMatchObject({ leftOut: [] })
  const { files: fitted, leftOut } = fit(files, 100_000)
  expect(leftOut).toEqual([
    'packets.pcap (88 KiB)',
    'the first 59 KiB of journal.log',
    'the first 167 KiB of console.log',
  ])
  expect(Object.values(fitted).reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(100_000)
  const end = Buffer.from(fitted['console.log'] ?? '').toString()
  expect(end).toBe(line.repeat(end.length / line.length))
  expect(fitted['note.txt']).toEqual(Buffer.from('short'))
  const folder = await mkdtemp(join(tmpdir(), 'vg-evidence-'))
  const before = process.cwd()
  onTestFinished(() => {
    process.chdir(before)
    return rm(folder, { recursive: true })
  })
  process.chdir(folder)
  const written = await writeEvidence('big', {
    'console.log': `${line.repeat(250_000)}\x1b]0;title\x07\n`,
    'journal.log': line.repeat(300_000),
  })
  expect(written.leftOut).toEqual(['the first 1.2 MiB of console.log', 'the first 2.3 MiB of journal.log'])
  const sizes = await Promise.all(
    ['console.log', 'journal.log'].map(async (name) => (await stat(join(written.folder, name))).size),
  )
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(8 * 1024 ** 2)
  const shown = await readFile(join(written.folder, 'console.log'), 'utf8')
  expect(shown.endsWith(`\n${line}\\x1b]0;title\\x07\n`)).toBe(true)
  expect(evidenceLines('/f', written.leftOut)).toEqual([
    'omitted (limit 8 MiB): the first 1.2 MiB of console.log; the first 2.3 MiB of journal.log',
    'evidence: /f',
  ])
})

test.for([
  ['-- cursor: s=0639;i=1;b=ab;m=3;t=4;x=5\n', 's=0639;i=1;b=ab;m=3;t=4;x=5'],
  ["-- cursor: '; rm -rf /'\n", undefined],
  [`-- cursor: ${'s'.repeat(500)}\n`, undefined],
  ['', undefined],
])('where a journal ends: %j', ([printed, cursor]) => {
  expect(parseCursor(printed ?? '')).toBe(cursor)
})

test("the guest's answer is split into its parts", () => {
  const separator = /echo '(.*)'/.exec(lookAround('cut=x'))?.[1] ?? ''
  expect(parseWords(`one.service failed\n${separator}\n${separator}\nall\nof it\n`)).toEqual({
    failedUnits: 'one.service failed',
    warnings: '',
    journal: 'all\nof it',
  })
})

const COMMAND: PastCommand = {
  command: 'true',
  startedAt: new Date(0),
  durationMs: 1234,
  exitCode: 0,
  signal: undefined,
  timedOut: false,
  running: false,
}

test.for([
  [{}, 'exit 0      1.2 s  true'],
  [{ exitCode: undefined, signal: 'SIGTERM' }, 'SIGTERM     1.2 s  true'],
  [{ exitCode: undefined, timedOut: true }, 'timed out   1.2 s  true'],
  [{ exitCode: undefined }, 'lost        1.2 s  true'],
  [{ exitCode: undefined, durationMs: undefined, running: true, command: 'one\ntwo' }, 'running            one …'],
] as const)('a command: %o', ([change, line]) => {
  expect(commandLine({ ...COMMAND, ...change })).toBe(line)
})

test('empty sections are left out', () => {
  const guest = {
    hostname: 'web',
    image: 'debian-12',
    started: 'warm',
    accel: 'kvm',
    address: '192.168.100.224',
    phases: [
      { name: 'template', durationMs: 50_000 },
      { name: 'restore', durationMs: 300 },
    ],
    history: [],
  } as const
  const nothing = { waiting: [], leftOut: [], words: undefined, kept: undefined }
  const evidence = { ...nothing, guest, console: '', silence: 'gone', disk: undefined, folder: '/f' }
  const lines = [
    '',
    'guest web at 192.168.100.224: debian-12, clone of a template in 0.3 s (kvm)',
    'the guest does not respond: gone',
    'evidence: /f',
  ]
  expect(describeEvidence(evidence).split('\n')).toEqual(lines)
  const text = describeEvidence({ ...evidence, disk: { journal: '', fault: 'no ext4' } })
  expect(text.split('\n')).toEqual(lines.toSpliced(3, 0, 'its disk could not be read: no ext4'))
})

test("a boot's error is unchanged if its evidence cannot be written", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vg-evidence-'))
  const before = process.cwd()
  onTestFinished(() => {
    process.chdir(before)
    return rm(folder, { recursive: true })
  })
  // Root could write to any folder, but not below a file.
  await writeFile(join(folder, 'test-results'), '')
  process.chdir(folder)
  const error = new Error('The guest was not ready')
  await expect(withBootEvidence({}, () => Promise.reject(error))).rejects.toBe(error)
  expect(error.message).toMatch(/^The guest was not ready\n[^]*did not start\nNo evidence could be written: ENOTDIR/)
})
