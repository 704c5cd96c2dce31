import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FILE = `${ROOT}test/types/wrong-options.ts`

/** The compiler's errors for a program that is not in a file. */
function errorsOf(source: string): string[] {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists } = host
  host.readFile = (path) => (path === FILE ? source : readFile(path))
  host.fileExists = (path) => path === FILE || fileExists(path)
  const program = ts.createProgram([FILE], { ...options, noEmit: true }, host)
  const diagnostics = program.getSemanticDiagnostics(program.getSourceFile(FILE))
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

test('a misspelt option is an error of one line that names the type', { timeout: 120_000 }, () => {
  const errors = errorsOf(`
    import { bootGuest, openNetwork, testWithGuests } from '../../fixtures/index.ts'
    import { guests } from '../../fixtures/plugin.ts'
    void bootGuest({ memroy: '1G' })
    void (await openNetwork()).boot({ memroy: '1G' })
    testWithGuests({ web: { memroy: '1G' } })
    testWithGuests({ web: {} }, { memroy: '1G' })
    guests({ memroy: '1G' })
    testWithGuests({ web: {} })('x', ({ guest }) => void guest)
  `)
  const types = errors.map((error) => /(?:in|on) type '([^']*)'/.exec(error)?.[1])
  expect(types).toEqual([
    'BootOptions',
    'NetworkBootOptions',
    'GroupedGuestOptions',
    expect.stringMatching(/^SharingOptions/),
    'PluginOptions',
    expect.stringContaining('GuestsContext<"web"'),
  ])
  for (const error of errors) expect(error).not.toContain('Omit<')
})
