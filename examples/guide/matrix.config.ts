import { defineConfig } from 'vitest/config'
import { guests, type FixtureOptions } from 'vitest-guest/plugin'

const machines: Record<string, FixtureOptions> = {
  plain: { image: 'debian-12' },
  'with-keepalived': { image: { base: 'debian-12', packages: ['keepalived'] } },
}

export default defineConfig({
  test: {
    projects: Object.entries(machines).map(([name, options]) => ({
      plugins: [guests(options)],
      test: { name, include: ['package.test.ts'], testTimeout: 60_000 },
    })),
  },
})
