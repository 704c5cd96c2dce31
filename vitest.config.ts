import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { SlowestFirst } from './test/support/slowest-first.ts'

/** A cold boot takes a minute under emulation, and a test may want several. */
const GUEST_BUDGET = 600_000
/** What is polled for comes soon, but one look at an emulated guest may take the second that is vitest's default. */
const patient = { poll: { timeout: 10_000 } }
const ci = Boolean(process.env['CI'])

// Many tests start programs of ours from source, which Node has to strip of their types each time.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/node', import.meta.url))

export default defineConfig({
  test: {
    sequence: { sequencer: SlowestFirst },
    reporters: ci ? ['default', ['json', { outputFile: 'test-results/vitest.json' }]] : ['default'],
    // Groups run one after the other, so that nothing competes with the guests for the processor.
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // vitest's default leaves one processor of them all to itself, here of two.
          maxWorkers: '100%',
          testTimeout: 20_000,
          expect: patient,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'guests',
          include: ['test/{network,guest,contract}/**/*.test.ts'],
          testTimeout: GUEST_BUDGET,
          expect: patient,
          hookTimeout: GUEST_BUDGET,
          // For two cores: an emulated guest that boots keeps one busy, and most files have one such guest at a time. A few have two or
          // three, or four whose boot comes to an early end, and take longer for it.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: GUEST_BUDGET,
          expect: patient,
          hookTimeout: GUEST_BUDGET,
          // Counts processes and interfaces of the whole machine, so nothing else may make any meanwhile.
          fileParallelism: false,
          // A guest must be gone within a second, and five at once would keep two cores from it.
          maxConcurrency: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
