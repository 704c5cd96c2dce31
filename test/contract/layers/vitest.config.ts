import { defineConfig } from 'vitest/config'
import { guests } from 'vitest-guest/plugin'
import { app, upper } from './machines.ts'

export default defineConfig({
  plugins: [guests({ image: app, layers: [upper] })],
  test: { include: ['*.suite.ts'], testTimeout: 120_000 },
})
