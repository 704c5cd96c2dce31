import { Console } from 'node:console'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { defineConfig } from 'vitest/config'
import { DefaultReporter, GithubActionsReporter, VerboseReporter, type Vitest } from 'vitest/node'

/** Where the reports go; all of vitest's reporters run at once. */
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

/** Gives a reporter a vitest with a file as its screen: on a shared screen their output could not be told apart. */
function withOwnScreen(vitest: Vitest, name: string): Vitest {
  const file = join(folder, name)
  writeFileSync(file, '')
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      appendFileSync(file, chunk)
      done()
    },
  })
  // Derived from vitest's own, because the arguments of its class differ between vitest 4 and 5.
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
      // vitest 5 needs a folder; 4 needs a file, and puts its data beside it.
      ['html', { outputDir: join(folder, 'html'), outputFile: join(folder, 'html/ui/index.html') }],
    ],
  },
})
