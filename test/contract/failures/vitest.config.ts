import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Where the reports go; all of vitest's reporters report at once. */
const folder = process.env['REPORTS'] ?? 'reports'

export default defineConfig({
  test: {
    include: ['*.suite.ts'],
    testTimeout: 120_000,
    hookTimeout: 600_000,
    reporters: [
      'default',
      'github-actions',
      ['verbose', { isTTY: false }],
      ['json', { outputFile: join(folder, 'report.json') }],
      ['junit', { outputFile: join(folder, 'report.xml') }],
      // Of @vitest/ui, which is there in one version only.
      ...(process.env['HTML']
        ? [['html', { outputDir: join(folder, 'html') }] as [string, Record<string, unknown>]]
        : []),
    ],
  },
})
