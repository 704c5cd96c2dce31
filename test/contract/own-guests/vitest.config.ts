import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['*.suite.ts'], testTimeout: 300_000 } })
