import { Console } from 'node:console'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { defineConfig } from 'vitest/config'
import { DefaultReporter, GithubActionsReporter, VerboseReporter, type Vitest } from 'vitest/node'

/** Where the reports go; all of vitest's reporters report at once. */
const folder = process.env['REPORTS'] ?? 'reports'

class Default extends DefaultReporter {
  override onInit(vitest: Vitest) {
    super.onInit(withOwnScreen(vitest, 'default.log'))
  }
}

class Verbose extends VerboseReporter {
  override onInit(vitest: Vitest) {
    super.onInit(withOwnScreen(vitest, 'verbose.log'))
  }
}

class GithubActions extends GithubActionsReporter {
  override onInit(vitest: Vitest) {
    super.onInit(withOwnScreen(vitest, 'github-actions.log'))
  }
}

/** What a reporter holds for vitest, with a file for a screen: on one screen nobody could tell who showed what. */
function withOwnScreen(vitest: Vitest, name: string): Vitest {
  const file = join(folder, name)
  writeFileSync(file, '')
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      appendFileSync(file, chunk)
      done()
    },
  })
  // Made of vitest's own, as its class takes other arguments in vitest 4 than in 5.
  const logger = Object.assign(Object.create(vitest.logger) as Vitest['logger'], {
    outputStream: stream,
    errorStream: stream,
    console: new Console(stream, stream),
  })
  return Object.create(vitest, { logger: { value: logger } }) as Vitest
}

export default defineConfig({
  test: {
    include: ['*.suite.ts'],
    testTimeout: 120_000,
    hookTimeout: 600_000,
    reporters: [
      new Default({ isTTY: false }),
      new Verbose({ isTTY: false }),
      new GithubActions(),
      ['json', { outputFile: join(folder, 'report.json') }],
      ['junit', { outputFile: join(folder, 'report.xml') }],
      // The folder is what vitest 5 asks for; 4 wants a file, and puts its data beside it.
      ['html', { outputDir: join(folder, 'html'), outputFile: join(folder, 'html/ui/index.html') }],
    ],
  },
})
