import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

/** What the rooms that everything stands on may import, and then, room by room, what each may. */
const BASE = ['errors', 'lifetime']
const HOST = [...BASE, 'options', 'host']
/** These four do not know one another; guest/ and template/ join them. */
const PARTS = ['network', 'image', 'machine', 'ssh']

/** room -> rooms it may import. A room is a folder of src/, a file directly in src/, or fixtures. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  lifetime: ['errors'],
  options: BASE,
  host: [...BASE, 'options'],
  // Its documents are pure; its volume is written by a host program.
  seed: HOST,
  network: [...HOST, 'seed'],
  image: [...HOST, 'seed'],
  machine: [...HOST, 'seed'],
  ssh: [...HOST, 'seed'],
  template: [...HOST, 'seed', ...PARTS],
  guest: [...HOST, 'seed', ...PARTS, 'template'],
  index: [...HOST, 'seed', ...PARTS, 'template', 'guest'],
  cli: [...HOST, 'seed', ...PARTS, 'template', 'guest', 'index'],
  fixtures: [...HOST, 'seed', ...PARTS, 'template', 'guest', 'index'],
}

/** package -> where it may be imported, as the beginning of a path. Packages that are not named may be anywhere. */
const ONLY_IN: Record<string, { paths: readonly string[]; why: string }> = {
  vitest: { paths: ['fixtures/'], why: 'the core serves any runner' },
  execa: { paths: ['src/host/run.ts'], why: 'one place runs host programs' },
  'node:child_process': {
    paths: ['src/network/', 'src/machine/', 'src/host/lock.ts', 'src/host/tar.ts'],
    why: 'host programs run through src/host/run.ts; only what outlives a call, or is a stream, is spawned',
  },
}

const ENVIRONMENT = 'src/host/environment.ts'

test('imports in src/ and fixtures/ point one way', () => {
  expect(violations(readSources())).toEqual([])
})

test('every room is in the table', () => {
  const rooms = new Set([...readSources().keys()].map(roomOf))
  expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([])
})

test.for([
  ['src/ssh/a.ts', "import { x } from '../network/b.ts'", 'ssh may not import network (src/network/b.ts)'],
  ['src/ssh/a.ts', "import type { x } from '../network/b.ts'", 'ssh may not import network (src/network/b.ts)'],
  ['src/errors.ts', "export * from './lifetime/b.ts'", 'errors may not import lifetime (src/lifetime/b.ts)'],
  ['src/host/a.ts', "await import('../guest/b.ts')", 'host may not import guest (src/guest/b.ts)'],
  ['src/guest/a.ts', "import '../../fixtures/b.ts'", 'guest may not import fixtures (fixtures/b.ts)'],
  ['src/guest/a.ts', "import '../../test/b.ts'", 'guest may not import test (test/b.ts)'],
  ['src/odd/a.ts', "import '../errors.ts'", 'odd is not in the table of rooms'],
  ['src/guest/a.ts', "import { test } from 'vitest'", 'vitest may only be imported in fixtures/: the core serves'],
  ['src/guest/a.ts', "import { x } from 'vitest/node'", 'vitest may only be imported in fixtures/'],
  ['src/host/a.ts', "import { execa } from 'execa'", 'execa may only be imported in src/host/run.ts'],
  ['src/ssh/a.ts', "import { spawn } from 'node:child_process'", 'node:child_process may only be imported in src/'],
  ['src/ssh/a.ts', "import { spawn } from 'child_process'", 'node:child_process may only be imported in src/'],
  ['src/ssh/a.ts', 'const home = process.env.HOME', `only ${ENVIRONMENT} reads process.env`],
  ['src/ssh/a.ts', "const home = process['env'].HOME", `only ${ENVIRONMENT} reads process.env`],
  ['src/ssh/a.ts', 'const { env } = process', `only ${ENVIRONMENT} reads process.env`],
  ['src/ssh/a.ts', "import { env } from 'node:process'", `only ${ENVIRONMENT} reads process.env`],
] as const)('reports %s: %s', ([path, source, message]) => {
  const found = violations(new Map([[path, source]]))
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(`${path}: ${message}`)
})

test.for([
  ['src/guest/a.ts', "import { x } from '../ssh/b.ts'"],
  ['src/seed/a.ts', "import { run } from '../host/run.ts'"],
  ['fixtures/a.ts', "import { test } from 'vitest'"],
  ['src/guest/a.ts', "// import { x } from 'vitest' reads process.env"],
  ['src/machine/a.ts', "import { spawn } from 'node:child_process'"],
  [ENVIRONMENT, 'export const home = process.env.HOME'],
] as const)('allows %s: %s', ([path, source]) => {
  expect(violations(new Map([[path, source]]))).toEqual([])
})

/** One line for each import or read that the tables forbid: the file, then the rule. */
function violations(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([path, source]) => {
    const { importedFiles } = ts.preProcessFile(source, true, true)
    const rules = importedFiles.map(({ fileName }) => brokenRule(path, fileName))
    if (path !== ENVIRONMENT && readsEnvironment(path, source)) {
      rules.push(`only ${ENVIRONMENT} reads process.env`)
    }
    return [...new Set(rules)].filter((rule) => rule !== undefined).map((rule) => `${path}: ${rule}`)
  })
}

function brokenRule(path: string, imported: string): string | undefined {
  if (!imported.startsWith('.')) return brokenPackageRule(path, imported)
  const from = roomOf(path)
  const target = normalize(join(dirname(path), imported))
  const to = roomOf(target)
  const allowed = MAY_IMPORT[from]
  if (!allowed) return `${from} is not in the table of rooms: add it to MAY_IMPORT`
  if (from === to || allowed.includes(to)) return undefined
  return `${from} may not import ${to} (${target}); it may import: ${allowed.join(', ') || 'nothing'}`
}

function brokenPackageRule(path: string, imported: string): string | undefined {
  const name = imported === 'child_process' ? 'node:child_process' : imported
  for (const [restricted, { paths, why }] of Object.entries(ONLY_IN)) {
    if (name !== restricted && !name.startsWith(`${restricted}/`)) continue
    if (paths.some((allowed) => path.startsWith(allowed))) continue
    return `${restricted} may only be imported in ${paths.join(', ')}: ${why}`
  }
  return undefined
}

/** `process.env`, `process['env']`, `const { env } = process`, or `env` imported from node:process. */
function readsEnvironment(path: string, source: string): boolean {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, false)
  const isProcess = (node: ts.Node | undefined) => node && ts.isIdentifier(node) && node.text === 'process'
  const visit = (node: ts.Node): boolean => {
    const found =
      (ts.isPropertyAccessExpression(node) && isProcess(node.expression) && node.name.text === 'env') ||
      (ts.isElementAccessExpression(node) &&
        isProcess(node.expression) &&
        ts.isStringLiteral(node.argumentExpression) &&
        node.argumentExpression.text === 'env') ||
      (ts.isVariableDeclaration(node) &&
        isProcess(node.initializer) &&
        ts.isObjectBindingPattern(node.name) &&
        node.name.elements.some((element) => nameIs(element.propertyName ?? element.name, 'env'))) ||
      (ts.isImportDeclaration(node) &&
        ts.isStringLiteral(node.moduleSpecifier) &&
        /^(node:)?process$/.test(node.moduleSpecifier.text) &&
        importsName(node, 'env'))
    return found || (ts.forEachChild(node, visit) ?? false)
  }
  return visit(file)
}

function importsName(node: ts.ImportDeclaration, name: string): boolean {
  const bindings = node.importClause?.namedBindings
  if (!bindings || !ts.isNamedImports(bindings)) return false
  return bindings.elements.some((element) => nameIs(element.propertyName ?? element.name, name))
}

function nameIs(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name
}

/** `src/ssh/exec.ts` -> `ssh`, `src/errors.ts` -> `errors`, `fixtures/index.ts` -> `fixtures`. */
function roomOf(path: string): string {
  const [top = '', next = ''] = path.split('/')
  return top === 'src' ? next.replace(/\.ts$/, '') : top
}

function readSources(): Map<string, string> {
  const root = new URL('../..', import.meta.url).pathname
  const names = ['src', 'fixtures'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  const files = names.filter((name) => name.endsWith('.ts'))
  return new Map(files.map((name) => [name, readFileSync(join(root, name), 'utf8')]))
}
