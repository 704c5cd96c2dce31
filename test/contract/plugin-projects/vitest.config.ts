import { defineConfig } from 'vitest/config'
import { guests } from 'vitest-guest/plugin'

/** More workers than the host has cores: projects with guests get fewer, which must not conflict with the other project. */
const maxWorkers = 64

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [guests({ memory: '384M', cpus: 1, hostname: 'left' })],
        test: { name: 'left', include: ['left.suite.ts'], testTimeout: 120_000, maxWorkers },
      },
      {
        plugins: [
          guests(),
          {
            name: 'tell',
            configureVitest: ({ vitest }) =>
              vitest.onClose(() => {
                const workers = vitest.projects.map(({ name, config }) => `${name} ${config.maxWorkers}`)
                process.stderr.write(`workers: ${workers.join(', ')}\n`)
              }),
          },
        ],
        test: { name: 'right', include: ['right.suite.ts'], testTimeout: 120_000, maxWorkers },
      },
      { test: { name: 'none', include: ['none.suite.ts'], maxWorkers } },
    ],
  },
})
