import { defineConfig } from 'vitest/config'
import { guests } from 'vitest-guest/plugin'
import { machines, networks } from './machines.ts'

export default defineConfig({
  plugins: [guests({ guests: machines, networks })],
  test: { include: ['*.suite.ts'], testTimeout: 120_000, fileParallelism: false },
})
