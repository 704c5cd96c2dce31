import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['*.test.ts'],
    // The first command in an emulated guest can take seconds.
    testTimeout: 60_000,
  },
})
