import { defineConfig } from 'vitest/config'
import { type FixtureOptions, guests } from 'vitest-guest/plugin'

const more = JSON.parse(process.env['MORE_GUEST_OPTIONS'] ?? '{}') as FixtureOptions

export default defineConfig({
  plugins: [
    guests({ memory: '384M', cpus: 1, hostname: 'left', ...more }),
    {
      name: 'tell',
      configureVitest: ({ project }) => void process.stderr.write(`hookTimeout ${project.config.hookTimeout}\n`),
    },
  ],
  test: { include: ['*.suite.ts'], testTimeout: 120_000 },
})
