import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const GUIDE = 'examples/guide'
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (/\.md$/.test(name) ? [`docs/${name}`] : [])),
]
const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as { config: object }
const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT)

test('every TypeScript snippet of README.md and docs/ compiles', { timeout: 60_000 }, () => {
  const snippets = new Map(PAGES.flatMap((page) => snippetsOf(page)))
  expect(snippets.size).toBeGreaterThan(10)
  expect(compile(snippets)).toEqual([])
})

test('a snippet that does not compile is noticed', { timeout: 60_000 }, () => {
  const path = join(ROOT, 'docs', 'wrong.md.1.ts')
  const source = "import { test } from 'vitest-guest'\ntest('x', ({ guest }) => void guest.nothing)\n"
  expect(compile(new Map([[path, source]]))).toEqual([expect.stringContaining("'nothing' does not exist")])
})

test('the guide shows the suites of examples/guide as they are', () => {
  const shown = readFileSync(join(ROOT, 'docs/guide.md'), 'utf8')
  const files = readdirSync(join(ROOT, GUIDE)).filter((name) => /\.(ts|sh)$/.test(name))
  const absent = files.filter((name) => {
    const source = readFileSync(join(ROOT, GUIDE, name), 'utf8')
    return !shown.includes(`\`\`\`${name.split('.').at(-1)}\n${source}\`\`\``)
  })
  expect(absent).toEqual([])
})

test('the reference names every option, method, export and command', { timeout: 60_000 }, () => {
  const reference = readFileSync(join(ROOT, 'docs/reference.md'), 'utf8')
  const absent = publicNames().filter(
    (name) => !new RegExp(`\`[^\`\n]*(?<![\\w$])${escaped(name)}(?![\\w$])[^\`\n]*\``).test(reference),
  )
  expect(absent).toEqual([])
})

/** Path of each as if it were a file beside its page, with its text. */
function snippetsOf(page: string): [string, string][] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ 1: source = '', index }) => {
    const line = text.slice(0, index).split('\n').length + 1
    // A statement of no module would share its names with those of the others.
    return [join(ROOT, `${page}.${line}.ts`), `${source}\nexport {}\n`]
  })
}

/** What is wrong with the texts, as if they were files. */
function compile(texts: ReadonlyMap<string, string>): string[] {
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => texts.has(path) || fileExists.call(host, path)
  host.readFile = (path) => texts.get(path) ?? readFile.call(host, path)
  host.getSourceFile = (path, target, ...rest) => {
    const text = texts.get(path)
    return text === undefined
      ? getSourceFile.call(host, path, target, ...rest)
      : ts.createSourceFile(path, text, target)
  }
  const program = ts.createProgram([...texts.keys()], options, host)
  return [...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return found.map(({ messageText, start = 0 }) => {
      const { line } = ts.getLineAndCharacterOfPosition(file as ts.SourceFile, start)
      return `${path.slice(ROOT.length)}, its line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    })
  })
}

/** Of the sources, so that a new one is missed in the reference. */
function publicNames(): string[] {
  const entries = ['src/index.ts', 'fixtures/index.ts', 'fixtures/plugin.ts'].map((path) => join(ROOT, path))
  const program = ts.createProgram(entries, options)
  const checker = program.getTypeChecker()
  const names = new Set<string>()
  const described = ['GuestOptions', 'FixtureOptions', 'NetworkOptions', 'Timeouts', 'Guest', 'Network', 'Console', 'ExecOptions', 'ExecResult', 'GuestProcess', 'GuestErrorFacts', 'GuestFixtures', 'GuestMatchers', 'ResultMatchers', 'WaitOptions', 'JournalOptions'] // prettier-ignore
  const seen = new Set<string>()
  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile)
    for (const symbol of module ? checker.getExportsOfModule(module) : []) {
      names.add(symbol.name)
      if (!described.includes(symbol.name)) continue
      seen.add(symbol.name)
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      for (const { name } of checker.getDeclaredTypeOfSymbol(target).getProperties()) {
        if (!/^(__|#)/.test(name)) names.add(name)
      }
    }
  }
  expect(described.filter((name) => !seen.has(name))).toEqual([])
  const commands = readFileSync(join(ROOT, 'src/cli/main.ts'), 'utf8').matchAll(/^ {2}(\w+): \{\n {4}summary:/gm)
  const found = [...commands].map(([, name]) => `vitest-guest ${name}`)
  expect(found).toContain('vitest-guest doctor')
  return [...names, ...found]
}

function escaped(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}
