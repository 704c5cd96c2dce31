import { defineConfig } from 'vitest/config'
import { guests } from 'vitest-guest/plugin'
import { greeter, shop } from './machines.ts'

export default defineConfig({
  // Both are prepared before the first test. The first is the guest of every file that says nothing else.
  plugins: [guests({ image: shop, fresh: 'test', layers: [greeter] })],
  test: { include: ['*.test.ts'], testTimeout: 60_000 },
})
