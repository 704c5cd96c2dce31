import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { vitest4Project } from '../support/vitest-4.ts'

const PROJECTS = fileURLToPath(new URL('.', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What a reporter shows of the failure of a test or a file; empty when it shows nothing. */
type Shown = (name: string) => string

interface Run {
  shown: Record<string, Shown>
  /** Everything that the default reporter wrote. */
  log: string
  report: { testResults: { name: string; message: string; assertionResults: Assertion[] }[] }
  /** The files in each folder of evidence. */
  evidence: Record<string, Record<string, Buffer>>
}

interface Assertion {
  title: string
  status: string
  failureMessages: string[]
}

/** Runs vitest in a separate folder, with all its reporters at once. */
async function run(vitest: string, root: string, args: readonly string[]): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'vg-evidence-'))
  try {
    const { all } = await execa(process.execPath, [join(vitest, 'vitest.mjs'), 'run', '--root', root, ...args], {
      cwd: folder,
      env: { NO_COLOR: '1', REPORTS: folder },
      reject: false,
      all: true,
    })
    expect(await readdir(folder), all).toContain('report.json')
    const text = (name: string) => readFile(join(folder, name), 'utf8')
    const log = await text('default.log')
    const report = JSON.parse(await text('report.json')) as Run['report']
    const shown = {
      default: onScreen(log),
      verbose: onScreen(await text('verbose.log')),
      'github-actions': inWorkflow(await text('github-actions.log')),
      json: inJson(report),
      junit: inJunit(unescaped(await text('report.xml'))),
      html: inHtml(gunzipSync(await readFile(join(folder, 'html/ui/html.meta.json.gz'))).toString()),
    }
    return { shown, log, report, evidence: await filesBelow(join(folder, 'test-results', 'guests')) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function filesBelow(parent: string): Promise<Run['evidence']> {
  const evidence: Run['evidence'] = {}
  for (const name of await readdir(parent)) {
    const files = (await readdir(join(parent, name), { withFileTypes: true })).map(async (file) => {
      // Only the name of a folder.
      const content = file.isFile() ? await readFile(join(parent, name, file.name)) : Buffer.alloc(0)
      return [file.name, content] as const
    })
    evidence[name] = Object.fromEntries(await Promise.all(files))
  }
  return evidence
}

function unescaped(xml: string): string {
  const named: Record<string, string> = { apos: "'", quot: '"', lt: '<', gt: '>', amp: '&' }
  return xml.replace(/&(apos|quot|lt|gt|amp);/g, (_, name: string) => named[name] as string)
}

/** Failures end with a rule that counts them; equal ones have consecutive headings. */
function onScreen(log: string): Shown {
  const failures = log.split(/⎯\[\d+\/\d+\]⎯/).map((part) => part.slice(part.indexOf(' FAIL ')))
  const isOf = (failure: string, name: string) =>
    failure.split('\n').some((line) => line.startsWith(' FAIL ') && line.includes(name))
  return (name) => failures.filter((failure) => isOf(failure, name)).join('\n')
}

function inWorkflow(log: string): Shown {
  const failures = [...log.matchAll(/^::error file=[^,]*,title=([^,]*),.*?::(.*)$/gm)].map((match) =>
    match.slice(1).map(decodeURIComponent),
  )
  return (name) => failures.flatMap(([title, text]) => (title?.endsWith(name) ? [text] : [])).join('\n')
}

function inJson({ testResults }: Run['report']): Shown {
  return (name) =>
    testResults
      .flatMap(({ name: file, message, assertionResults }) => [
        ...(file.endsWith(name) ? [message] : []),
        ...assertionResults.filter(({ title }) => title === name).flatMap(({ failureMessages }) => failureMessages),
      ])
      .join('\n')
}

function inJunit(xml: string): Shown {
  const cases = xml.split('<testcase ').slice(1)
  return (name) => cases.filter((each) => each.split('\n', 1)[0]?.includes(`${name}" time=`)).join('\n')
}

/** Its data is a list in which values refer to one another by index, as the package flatted writes it. */
function inHtml(data: string): Shown {
  const values = JSON.parse(data) as unknown[]
  type Parts = Record<string, string>
  const at = (place: string | undefined) => values[Number(place)]
  const tasks = values.filter((value): value is Parts => value instanceof Object && 'result' in value)
  return (name) =>
    tasks
      .filter((task) => at(task['name']) === name)
      .flatMap((task) => (at((at(task['result']) as Parts)['errors']) ?? []) as string[])
      .map((place) => at(place) as Parts)
      .map(({ message, diff }) => [at(message), at(diff)].join('\n'))
      .join('\n')
}

/** The guest was not asked anything that could explain it. */
const NOT_AWAITED = 'a matcher is not awaited'

/** What the failure of each test must show; all of it comes from the guest. */
const FAILURES: Record<string, readonly string[]> = {
  'a command fails': [
    'guest guest at 192.168.100.224: debian-12, clone of a template in ',
    'echo fine',
    'exit 3',
    'broken.service loaded failed failed',
    'the disk is nearly full',
  ],
  'a matcher fails': ['expected guest guest to have the file /etc/hostname (', 'last commands:'],
  [NOT_AWAITED]: ['toHaveFile() was not awaited, so the test ended without it', 'Write await expect(…).toHaveFile(…).'],
  'takes too long': ['timed out in 500ms', 'the test is waiting:', 's for `sleep 60`, at ', 'running '],
  'a program crashes': ['A program crashed in the guest', 'segfault at 0'],
  'a program aborts': ['A program crashed in the guest', 'fatal signal 6. python3['],
  'memory runs out': ['The guest ran out of memory: ', 'Killed process ', 'MemoryMax=16M tail /dev/zero; true'],
  'packets are captured': ['with exit code 7', 'guest guest at 192.168.100.224'],
  // Both of its attempts.
  'fails when it is tried again, too': [
    'with exit code 5',
    'guests/failures.suite.ts-fails-when-it-is-tried-again-too\n',
    'with exit code 6',
    'guests/failures.suite.ts-fails-when-it-is-tried-again-too-2',
  ],
  'the kernel panics': [
    "The guest's kernel panicked: ",
    'the guest does not respond: its kernel has panicked',
    'end of the journal on its disk',
    ']: told to the disk',
    'Kernel panic - not syncing: sysrq triggered crash',
  ],
  'QEMU ends': ['the guest does not respond', 'last words'],
}

/** Of the matcher. The json reporter has no diffs. */
const DIFF = ['-   "content": StringContaining "another",', '+   "content": "guest']

/**
 * What the reporter for GitHub leaves out, as it has no place in a file of the user: the stack of the guard's errors is in this package
 * alone. In this repository that is no package but a part of the sources.
 */
const PLACELESS = {
  '5': [] as string[],
  '4': ['a program crashes', 'a program aborts', 'memory runs out'],
}

/** vitest 4 is also the run in threads, and the one without isolation: with a worker for each of its two files. */
const THREADS = ['--pool', 'threads', '--no-isolate', '--maxWorkers', '2']
const LIVE = ['commands.log', 'console.log', 'journal.log', 'network.txt', 'screen.png']

describe.for(['5', '4'] as const)('vitest %s', (version) => {
  let vitest = join(ROOT, 'node_modules/vitest')
  let projects = PROJECTS
  let project: AsyncDisposable | undefined

  beforeAll(async () => {
    if (version === '5') return
    const { path } = (project = await vitest4Project('failures', 'boot-fails'))
    vitest = join(path, 'node_modules/vitest')
    projects = path
  })
  afterAll(() => project?.[Symbol.asyncDispose]())

  test('each reporter shows what the guest knows; passing tests leave nothing', async () => {
    const { shown, log, report, evidence } = await run(
      vitest,
      join(projects, 'failures'),
      version === '4' ? THREADS : [],
    )

    const assertions = report.testResults.flatMap(({ assertionResults }) => assertionResults)
    const failed = assertions.filter(({ status }) => status === 'failed').map(({ title }) => title)
    expect(failed, log).toEqual(Object.keys(FAILURES))
    expect(log.match(/Unhandled[^]*/)).toBeNull()
    const github = shown['github-actions'] as Shown
    expect(failed.filter((title) => github(title) === '')).toEqual(PLACELESS[version])
    for (const [reporter, of] of Object.entries(shown)) {
      for (const [title, pieces] of Object.entries(FAILURES)) {
        const text = of(title)
        if (of === github && text === '') continue
        for (const piece of pieces) expect(text, `${reporter}: ${title}`).toContain(piece)
        if (title === NOT_AWAITED) continue
        expect(text, `${reporter}: ${title}`).toMatch(/\nevidence: .*test-results\/guests\//)
      }
      if (reporter !== 'json') for (const piece of DIFF) expect(of('a matcher fails'), reporter).toContain(piece)
    }
    // Only the guard failed it.
    expect(shown['json']?.('memory runs out')).toMatch(/^GuestError: The guest ran out of memory: /)

    const names = Object.fromEntries(Object.entries(evidence).map(([name, files]) => [name, Object.keys(files).sort()]))
    const { 'gone.suite.ts-QEMU-ends': gone, 'failures.suite.ts-the-kernel-panics': dead, ...live } = names
    expect(gone).toEqual(['commands.log', 'console.log', 'network.txt'])
    expect(dead).toEqual([...LIVE, 'var-log.txt'])
    expect(live).toEqual({
      'failures.suite.ts-a-matcher-fails': LIVE,
      'failures.suite.ts-a-program-aborts': LIVE,
      'failures.suite.ts-a-program-crashes': LIVE,
      'failures.suite.ts-fails-when-it-is-tried-again-too': LIVE,
      'failures.suite.ts-fails-when-it-is-tried-again-too-2': LIVE,
      'failures.suite.ts-in-a-suite-a-command-fails': LIVE,
      'failures.suite.ts-memory-runs-out': LIVE,
      // Without the capture whose file the test removed.
      'failures.suite.ts-packets-are-captured': [...LIVE, 'packets.pcap'].sort(),
      // Its first attempt failed.
      'failures.suite.ts-succeeds-when-it-is-tried-again': LIVE,
      'failures.suite.ts-takes-too-long': LIVE,
    })

    const content = (name: string, file: string) => evidence[`failures.suite.ts-${name}`]?.[file] ?? Buffer.alloc(0)
    expect(content('memory-runs-out', 'commands.log').toString()).toMatch(/ exit 0 .* systemd-run /)
    expect(content('fails-when-it-is-tried-again-too', 'commands.log').toString()).toMatch(/ exit 5\n$/)
    expect(content('fails-when-it-is-tried-again-too-2', 'commands.log').toString()).toMatch(/ exit 6\n$/)
    expect(addressesIn(content('packets-are-captured', 'packets.pcap'))).toContain('192.168.100.224')
    expect(content('packets-are-captured', 'network.txt').toString()).toMatch(
      /^br0 192\.168\.100\.50\/24, up, .*\n└─ tap0 up, .* ── guest 192\.168\.100\.224\n$/,
    )
  })

  test('a guest that does not start: what it is and how far it came, for each who wants it', async () => {
    const oneWorker = ['--no-isolate', '--maxWorkers', '1']
    const { shown, report, evidence } = await run(vitest, join(projects, 'boot-fails'), oneWorker)
    const failed = report.testResults.flatMap(({ name, message, assertionResults }) => {
      const tests = assertionResults.filter(({ status }) => status === 'failed').map(({ title }) => title)
      return tests.length > 0 || message === '' ? tests : [basename(name)]
    })
    expect(failed.toSorted()).toEqual([expect.stringContaining('.suite.ts'), 'has no guest', 'has none either'])
    for (const [reporter, of] of Object.entries(shown)) {
      for (const name of failed) {
        // No code of the user has run, so no stack leads to their files. That does not matter here: see PLACELESS.
        if (reporter === 'github-actions' && version === '4') expect(of(name)).toBe('')
        else expect(of(name), `${reporter}: ${name}`).toMatch(NOT_STARTED)
      }
    }
    expect(Object.keys(evidence)).toEqual(['boot-of-slow'])
    // With its console, which is still empty, because Debian's kernel is silent at first.
    expect(Object.keys(evidence['boot-of-slow'] ?? {}).sort()).toEqual(['console.log', 'error.log'])
    expect(evidence['boot-of-slow']?.['error.log']?.toString()).toMatch(/^BootError: The guest was not ready after /)
  })
})

const NOT_STARTED =
  /The guest was not ready after .*\n(.*\n)*guest slow: debian-12, start: 'cold', did not start\nevidence: .*test-results\/guests\/boot-of-slow/

/** The senders of the IPv4 packets in a little-endian pcap file. */
function addressesIn(pcap: Buffer): string[] {
  const [magic, ethernet] = [pcap.readUInt32LE(0), pcap.readUInt32LE(20)]
  expect([magic, ethernet]).toEqual([0xa1b2c3d4, 1])
  const addresses: string[] = []
  let at = 24
  while (at < pcap.length) {
    const packet = pcap.subarray(at + 16, at + 16 + pcap.readUInt32LE(at + 8))
    if (packet.readUInt16BE(12) === 0x0800) addresses.push(packet.subarray(26, 30).join('.'))
    at += 16 + pcap.readUInt32LE(at + 8)
  }
  // No packet is truncated.
  expect(at).toBe(pcap.length)
  return addresses
}
