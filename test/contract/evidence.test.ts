import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { vitest4Project } from '../support/vitest-4.ts'

const PROJECTS = fileURLToPath(new URL('.', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Run {
  /** What the reporters default, verbose and github-actions wrote. */
  screen: string
  report: { testResults: { message: string; assertionResults: Assertion[] }[] }
  junit: string
  html: string
  /** What is in each folder of evidence. */
  evidence: Record<string, string[]>
}

interface Assertion {
  title: string
  status: string
  failureMessages: string[]
}

/** Runs vitest in a folder of its own, with all its reporters at once. */
async function run(vitest: string, root: string, html: boolean, args: readonly string[] = []): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'vg-evidence-'))
  try {
    const { all } = await execa(process.execPath, [join(vitest, 'vitest.mjs'), 'run', '--root', root, ...args], {
      cwd: folder,
      env: { NO_COLOR: '1', REPORTS: folder, ...(html && { HTML: '1' }) },
      reject: false,
      all: true,
    })
    const guests = join(folder, 'test-results', 'guests')
    const evidence: Run['evidence'] = {}
    for (const name of await readdir(guests)) evidence[name] = (await readdir(join(guests, name))).sort()
    return {
      screen: all,
      report: JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Run['report'],
      junit: unescaped(await readFile(join(folder, 'report.xml'), 'utf8')),
      html: html ? gunzipSync(await readFile(join(folder, 'html/ui/html.meta.json.gz'))).toString() : '',
      evidence,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function unescaped(xml: string): string {
  const named: Record<string, string> = { apos: "'", quot: '"', lt: '<', gt: '>', amp: '&' }
  return xml.replace(/&(apos|quot|lt|gt|amp);/g, (_, name: string) => named[name] as string)
}

/** What has to be read in the failure of each test; all of it comes from the guest. */
const FAILURES: Record<string, readonly string[]> = {
  'a command fails': [
    'guest guest at 192.168.100.224: debian-12, clone of a template in ',
    'echo fine',
    'exit 3',
    'broken.service loaded failed failed',
    'the disk is nearly full',
  ],
  'a matcher fails': ['last commands:', 'hostname'],
  'takes too long': ['timed out in 2000ms', 'sleep 60'],
  'a program crashes': ['In the guest a program crashed', 'segfault at 0'],
  'a program aborts': ['In the guest a program crashed', 'fatal signal 6. python3['],
  'the kernel panics': [
    'it does not answer: its kernel has panicked',
    'the end of the journal on its disk',
    ']: told to the disk',
    'Kernel panic - not syncing: sysrq triggered crash',
  ],
  'QEMU ends': ['it does not answer', 'last words'],
}

/** vitest 4 is also the run in threads, and the one without isolation: with a worker for each of its two files. */
const THREADS = ['--pool', 'threads', '--no-isolate', '--maxWorkers', '2']
const LIVE = ['commands.log', 'console.log', 'journal.log', 'network.txt', 'screen.png']

describe.for(['5', '4'])('vitest %s', (version) => {
  test('each reporter shows what the guest knows; passing tests leave nothing', async () => {
    await using project = version === '4' ? await vitest4Project('failures') : undefined
    const seen = project
      ? await run(join(project.path, 'node_modules/vitest'), project.path, false, THREADS)
      : await run(join(ROOT, 'node_modules/vitest'), join(PROJECTS, 'failures'), true)

    const assertions = seen.report.testResults.flatMap(({ assertionResults }) => assertionResults)
    const failed = assertions.filter(({ status }) => status === 'failed')
    expect(
      failed.map(({ title }) => title),
      seen.screen,
    ).toEqual(Object.keys(FAILURES))
    for (const [title, pieces] of Object.entries(FAILURES)) {
      const message = failed.find((each) => each.title === title)?.failureMessages[0] ?? ''
      for (const piece of pieces) expect(message, title).toContain(piece)
      expect(message, title).toMatch(/\nevidence: .*test-results\/guests\//)
      for (const piece of pieces) {
        expect(seen.screen).toContain(piece)
        expect(seen.junit).toContain(piece)
        if (version === '5') expect(seen.html).toContain(piece)
      }
    }
    // The reporter for GitHub shows what has a place in a file.
    expect(seen.screen).toMatch(/::error file=.*title=.*a command fails.*%0Alast commands:%0A/)
    expect(seen.screen).toMatch(/::error file=.*title=.*a matcher fails.*%0Alast commands:%0A/)

    const { 'gone.suite.ts-QEMU-ends': gone, 'failures.suite.ts-the-kernel-panics': dead, ...live } = seen.evidence
    expect(gone).toEqual(['commands.log', 'console.log', 'network.txt'])
    expect(dead).toEqual([...LIVE, 'var-log'])
    expect(live).toEqual({
      'failures.suite.ts-a-matcher-fails': LIVE,
      'failures.suite.ts-a-program-aborts': LIVE,
      'failures.suite.ts-a-program-crashes': LIVE,
      'failures.suite.ts-in-a-suite-a-command-fails': LIVE,
      // Its first try failed.
      'failures.suite.ts-succeeds-when-it-is-tried-again': LIVE,
      'failures.suite.ts-takes-too-long': LIVE,
    })
  })
})

test('a guest that does not start: what it is, how far it came, and its console', async () => {
  const seen = await run(join(ROOT, 'node_modules/vitest'), join(PROJECTS, 'boot-fails'), true)
  for (const text of [seen.screen, seen.junit, seen.html, JSON.stringify(seen.report)]) {
    expect(text).toContain('The guest was not ready')
    expect(text).toContain("guest slow: debian-12, start: 'cold', did not start")
    expect(text).toMatch(/evidence: .*test-results\/guests\/boot-of-slow/)
  }
  expect(seen.evidence).toEqual({ 'boot-of-slow': ['console.log', 'error.log'] })
})
