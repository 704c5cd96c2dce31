import { defineConfig } from 'vitest/config'
import { guests } from 'vitest-guest/plugin'

export default defineConfig({
  plugins: [guests()],
  test: {
    include: ['*.test.ts'],
    // Without KVM a first command can take seconds.
    testTimeout: 60_000,
    // One worker for all files, and with it one guest.
    fileParallelism: false,
    isolate: false,
  },
})
