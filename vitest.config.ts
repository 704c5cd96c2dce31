import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { DurationsReporter } from './test/support/durations/durations-reporter.ts'
import { SlowestFirst } from './test/support/durations/slowest-first.ts'
import { LIMITS } from './test/support/time-limits.ts'

// Many tests start programs of ours from source, which Node has to strip of their types each time.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/node', import.meta.url))

interface Project {
  name: string
  include: string[]
  exclude?: string[]
  timeout: number
  /** Groups run one after the other, the files of a group two at a time: for two cores, of which an emulated guest keeps one busy. */
  group: number
  /** Files share a process, which saves each of them loading the library. */
  isolate?: false
  fileParallelism?: false
  maxConcurrency?: number
}

const SLOW = 'test/**/*.slow.test.ts'
const TEMPLATE = 'test/guest/default-template.test.ts'

/** What `npm test` runs is every project but `slow` and `chaos`; CONTRIBUTING.md says what belongs where. */
const PROJECTS: Project[] = [
  // What needs neither image nor template runs while these are built.
  { name: 'template', include: [TEMPLATE], timeout: LIMITS.image, group: 0 },
  {
    name: 'unit',
    include: ['test/unit/**/*.test.ts'],
    exclude: [SLOW],
    timeout: LIMITS.unit,
    group: 0,
    isolate: false,
  },
  {
    name: 'network',
    include: ['test/network/**/*.test.ts'],
    exclude: [SLOW],
    timeout: LIMITS.network,
    group: 0,
    isolate: false,
  },
  {
    name: 'guest',
    include: ['test/{guest,contract}/**/*.test.ts'],
    exclude: [SLOW, TEMPLATE],
    timeout: LIMITS.guest,
    group: 1,
  },
  { name: 'slow', include: [SLOW], exclude: ['test/chaos/**'], timeout: LIMITS.guest, group: 1 },
  {
    name: 'chaos',
    include: ['test/chaos/**/*.slow.test.ts'],
    timeout: LIMITS.guest,
    group: 2,
    // Counts processes and interfaces of the whole machine, so nothing else may make any meanwhile.
    fileParallelism: false,
    // A guest must be gone within a second, and five at once would keep two cores from it.
    maxConcurrency: 2,
  },
]

export default defineConfig({
  test: {
    sequence: { sequencer: SlowestFirst },
    reporters: [
      'default',
      ['json', { outputFile: 'test-results/vitest.json' }],
      new DurationsReporter('test-results/durations.json'),
    ],
    projects: PROJECTS.map(toProject),
  },
})

function toProject({ timeout, group, exclude = [], ...rest }: Project): TestProjectInlineConfiguration {
  return {
    test: {
      ...rest,
      exclude: ['**/node_modules/**', ...exclude],
      testTimeout: timeout,
      hookTimeout: timeout,
      // What is polled for comes soon, but one look at an emulated guest may take the second that is vitest's default.
      expect: { poll: { timeout: LIMITS.atOnce } },
      ...(rest.fileParallelism ?? { maxWorkers: 2 }),
      sequence: { groupOrder: group },
    },
  }
}
