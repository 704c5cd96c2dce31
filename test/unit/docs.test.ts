import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { publicApi, type PublicType } from './support/public-api.ts'

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

test('the guide shows the suites of examples/guide unchanged', () => {
  const shown = readFileSync(join(ROOT, 'docs/guide.md'), 'utf8')
  const files = readdirSync(join(ROOT, GUIDE)).filter((name) => /\.(ts|sh)$/.test(name))
  const absent = files.filter((name) => {
    const source = readFileSync(join(ROOT, GUIDE, name), 'utf8')
    return !shown.includes(`\`\`\`${name.split('.').at(-1)}\n${source}\`\`\``)
  })
  expect(absent).toEqual([])
})

describe('the reference', () => {
  const page = readFileSync(join(ROOT, 'docs/reference.md'), 'utf8')
  const { names, types } = publicApi(ROOT, options)

  test('names every export and command', () => {
    const commands = readFileSync(join(ROOT, 'src/cli/main.ts'), 'utf8').matchAll(/^ {2}(\w+): \{\s+summary:/gm)
    const found = [...commands].map(([, name]) => `vitest-guest ${name}`)
    expect(found).toContain('vitest-guest doctor')
    expect(names).toContain('bootGuest')
    const named = namesIn(page)
    expect(names.filter((name) => !named.has(name))).toEqual([])
    expect(found.filter((command) => !page.includes(`\`${command}`))).toEqual([])
  })

  test('describes every member of every type', () => {
    expect(types.length).toBeGreaterThan(50)
    expect(types.flatMap((type) => undescribed(type, page))).toEqual([])
  })

  test('an undescribed member or type is noticed', () => {
    const snapshot = { name: 'Snapshot', members: ['name', 'takenAt'], from: [] }
    const transfer = { name: 'TransferOptions', members: ['onProgress'], from: ['FileOptions'] }
    const elsewhere = 'A `Snapshot` of `takenAt`\n\n- `Capture`: `takenAt`\n\n'
    expect(undescribed(snapshot, `${elsewhere}- \`Snapshot\`: \`name\``)).toEqual(['Snapshot.takenAt'])
    expect(undescribed(snapshot, '- A `Snapshot`: `name`, `takenAt`')).toEqual(['Snapshot'])
    expect(undescribed(snapshot, '`Snapshot`:\n\n| `name` |\n| `takenAt` |\n\n`text`')).toEqual([])
    expect(undescribed(snapshot, '### Snapshot\n\nIts `name`, and\n\n`takenAt`.\n')).toEqual([])
    expect(undescribed(transfer, '- `TransferOptions`: `onProgress`')).toEqual(['TransferOptions: FileOptions'])
  })
})

/** The snippets by path, as if each were a file beside its page. */
function snippetsOf(page: string): [string, string][] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ 1: source = '', index }) => {
    const line = text.slice(0, index).split('\n').length + 1
    // Outside of a module its names would collide with those of other snippets.
    return [join(ROOT, `${page}.${line}.ts`), `${source}\nexport {}\n`]
  })
}

/** The compiler's errors for the texts, as if they were files. */
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

/** What the page omits of a type: its members, and the types that it extends. */
function undescribed({ name, members, from }: PublicType, page: string): string[] {
  const place = layoutOf(name, page)
  if (place === '') return [name]
  const named = namesIn(place)
  return [
    ...members.filter((member) => !named.has(member)).map((member) => `${name}.${member}`),
    ...from.filter((other) => !named.has(other)).map((other) => `${name}: ${other}`),
  ]
}

/** Where a page describes a type: the section named after it, and each paragraph (with its table) or list item that begins with its name. */
function layoutOf(type: string, page: string): string {
  const section = new RegExp(`^#+ \`?${type}\`?\\n(?:(?!#).*\\n)*`, 'gm')
  const beginning = new RegExp(`^(?:- )?\`${type}\`.*(?:\\n(?!- |\\n).+|\\n(?=\\n\\|)|\\n\\|.*)*`, 'gm')
  return [section, beginning].flatMap((place) => page.match(place) ?? []).join('\n')
}

/** Every name in code. */
function namesIn(text: string): Set<string> {
  return new Set([...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.match(/[\w$]+/g) ?? []))
}
