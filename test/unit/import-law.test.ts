import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

/**
 * room -> rooms that it imports, all of them: what is not here may not be imported, and what nobody imports is not here. A room is a folder of
 * src/, a file directly in src/, or fixtures.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  visible: [],
  errors: ['visible'],
  lifetime: ['errors'],
  address: ['errors'],
  options: ['errors', 'address'],
  host: ['visible', 'errors', 'lifetime'],
  qmp: ['errors', 'lifetime'],
  accelerator: ['errors', 'host'],
  cache: ['errors', 'host'],
  // These five do not import one another; template and guest combine them.
  network: ['errors', 'lifetime', 'address', 'options', 'host', 'qmp'],
  image: ['errors', 'lifetime', 'options', 'host', 'cache'],
  machine: ['errors', 'lifetime', 'host', 'qmp'],
  ssh: ['errors', 'lifetime', 'options', 'host'],
  seed: ['errors', 'options', 'host'],
  template: ['errors', 'lifetime', 'options', 'host', 'qmp', 'cache', 'network', 'image', 'machine', 'seed'],
  guest: [
    'visible',
    'errors',
    'lifetime',
    'address',
    'options',
    'host',
    'qmp',
    'accelerator',
    'network',
    'image',
    'machine',
    'ssh',
    'seed',
    'template',
  ],
  doctor: ['errors', 'options', 'host', 'accelerator'],
  index: ['errors', 'lifetime', 'address', 'options', 'network', 'image', 'machine', 'ssh', 'seed', 'guest'],
  cli: ['visible', 'errors', 'lifetime', 'options', 'host', 'network', 'image', 'ssh', 'template', 'guest', 'doctor'],
  internal: ['visible', 'errors', 'lifetime', 'address', 'options', 'host', 'accelerator', 'machine', 'ssh', 'guest'],
  // A client of the core: the public index, and the internal one.
  fixtures: ['index', 'internal'],
}

/** The most files in a folder, and lines in a file, in which a reader still finds their way. */
const MOST_FILES = 15
const MOST_LINES = 250
/** The most files that may import one another in a circle: a type and what implements it. */
const LARGEST_CIRCLE = 3

/** package -> where it may be imported, as the beginning of a path. Other packages may be imported anywhere. */
const ONLY_IN: Record<string, { paths: readonly string[]; why: string }> = {
  vitest: { paths: ['fixtures/'], why: 'the core serves any runner' },
  execa: { paths: ['src/host/program/run.ts'], why: 'one place runs host programs' },
  'node:child_process': {
    paths: [
      'src/cli/run.ts',
      'src/host/program/lock.ts',
      'src/host/files/tar.ts',
      'src/machine/kill-inside.ts',
      'src/machine/start-machine.ts',
      'src/network/services/dnsmasq.ts',
      'src/network/keeper/keeper-process.ts',
      'src/network/keeper/keeper.ts',
      'src/network/services/slirp.ts',
    ],
    why: 'host programs run through src/host/program/run.ts; docs/decisions/host-programs.md has the exceptions',
  },
}

/** The files that pass a script to a shell of the host. */
const SHELL_IN = [
  'src/host/program/sandbox.ts',
  'src/machine/confine.ts',
  'src/network/inside/enter.ts',
  'src/network/keeper/start-keeper.ts',
  'src/network/keeper/lifeline.ts',
]
/** The files that could start one by an option. */
const STARTERS = ['execa', 'node:child_process'].flatMap((name) => ONLY_IN[name]?.paths ?? [])
const NO_SHELL = 'no shell on the host: docs/decisions/host-programs.md has the exceptions'

const ENVIRONMENT = 'src/host/environment.ts'

test('imports in src/ and fixtures/ point one way', () => {
  expect(violations(readSources())).toEqual([])
})

test('every room is in the table, which allows no import that does not exist', () => {
  const found: Record<string, Set<string>> = {}
  for (const [path, targets] of imports(readSources())) {
    const rooms = (found[roomOf(path)] ??= new Set())
    for (const target of targets) if (roomOf(target) !== roomOf(path)) rooms.add(roomOf(target))
  }
  const sorted = (rooms: Iterable<string>) => [...rooms].sort()
  const table = Object.entries(MAY_IMPORT).map(([room, rooms]) => [room, sorted(rooms)])
  expect(Object.fromEntries(table)).toEqual(
    Object.fromEntries(Object.entries(found).map(([room, rooms]) => [room, sorted(rooms)])),
  )
})

test(`no folder has more than ${MOST_FILES} files, and no file more than ${MOST_LINES} lines`, () => {
  const files: Record<string, number> = {}
  const long: string[] = []
  for (const [path, source] of readSources()) {
    files[dirname(path)] = (files[dirname(path)] ?? 0) + 1
    if (source.trimEnd().split('\n').length > MOST_LINES) long.push(path)
  }
  expect(Object.entries(files).filter(([, count]) => count > MOST_FILES)).toEqual([])
  expect(long).toEqual([])
})

test(`no more than ${LARGEST_CIRCLE} files import one another in a circle`, () => {
  expect(circles(imports(readSources())).filter((circle) => circle.length > LARGEST_CIRCLE)).toEqual([])
  const four = ['a', 'b', 'c', 'd'].map((name, at, all) => [name, [all[(at + 1) % 4] as string]] as const)
  expect(circles(new Map([...four, ['e', ['a']]]))).toEqual([['a', 'b', 'c', 'd']])
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
  ['src/host/a.ts', "import { execa } from 'execa'", 'execa may only be imported in src/host/program/run.ts'],
  ['src/ssh/a.ts', "import { spawn } from 'node:child_process'", 'node:child_process may only be imported in src/'],
  ['src/ssh/a.ts', "import { spawn } from 'child_process'", 'node:child_process may only be imported in src/'],
  ['src/ssh/a.ts', 'const home = process.env.HOME', `only ${ENVIRONMENT} reads process.env`],
  ['src/ssh/a.ts', "const home = process['env'].HOME", `only ${ENVIRONMENT} reads process.env`],
  ['src/ssh/a.ts', 'const { env } = process', `only ${ENVIRONMENT} reads process.env`],
  ['src/ssh/a.ts', "import { env } from 'node:process'", `only ${ENVIRONMENT} reads process.env`],
  ['src/machine/a.ts', "import { spawn } from 'node:child_process'", 'node:child_process may only be imported in src/'],
  ['src/ssh/a.ts', "process.getBuiltinModule('node:child_process')", 'node:child_process is imported by names'],
  [
    'src/host/files/tar.ts',
    "import * as programs from 'node:child_process'",
    'node:child_process is imported by names',
  ],
  ['src/host/files/tar.ts', "import programs from 'child_process'", 'node:child_process is imported by names'],
  ['src/host/files/tar.ts', "import { exec as start } from 'node:child_process'", 'exec gives its command to a shell'],
  ['src/host/files/tar.ts', "import { execSync } from 'node:child_process'", 'execSync gives its command to a shell'],
  ['src/host/files/tar.ts', "spawn('tar', [], { shell: true })", 'the option shell'],
  ['src/host/program/run.ts', 'execa(file, args, { shell })', 'the option shell'],
  ['src/seed/a.ts', "run('sh', ['-c', script])", `'sh': ${NO_SHELL}`],
  ['src/seed/a.ts', "run('setpriv', ['--', '/usr/bin/bash', '-ec', script])", `'/usr/bin/bash': ${NO_SHELL}`],
  ['src/seed/a.ts', 'run("env", words(`sh -c ${script}`))', `'sh -c': ${NO_SHELL}`],
  ['src/seed/a.ts', "const words = `${tool} -- sh -ec 'exit'`", `'sh -ec': ${NO_SHELL}`],
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
  ['src/machine/start-machine.ts', "import { spawn } from 'node:child_process'"],
  ['src/host/files/tar.ts', "import { type ChildProcess, execFileSync } from 'node:child_process'"],
  ['src/network/keeper/lifeline.ts', "const command = ['/bin/sh', '-c', script]"],
  ['src/guest/a.ts', "guest.exec('ssh -c aes') // sh -c"],
  ['fixtures/a.ts', 'const user = { shell: true }'],
  [ENVIRONMENT, 'export const home = process.env.HOME'],
] as const)('allows %s: %s', ([path, source]) => {
  expect(violations(new Map([[path, source]]))).toEqual([])
})

test('docs/decisions/host-programs.md lists every exception', () => {
  const page = readFileSync(new URL('../../docs/decisions/host-programs.md', import.meta.url), 'utf8')
  expect([...STARTERS, ...SHELL_IN].filter((path) => !page.includes(path))).toEqual([])
})

/** file -> the files of src/ and fixtures/ that it imports, types too. */
function imports(sources: ReadonlyMap<string, string>): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [path, source] of sources) {
    const names = ts.preProcessFile(source, true, true).importedFiles.map(({ fileName }) => fileName)
    const own = names.filter((name) => name.startsWith('.')).map((name) => normalize(join(dirname(path), name)))
    found.set(path, own)
  }
  return found
}

/** Groups in which each file imports every other one, in any number of steps (Tarjan's strongly connected components). */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = []
  const index = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const visit = (node: string): number => {
    const own = index.size
    index.set(node, own)
    lowest.set(node, own)
    stack.push(node)
    for (const next of graph.get(node) ?? []) {
      const reached = index.has(next) ? (stack.includes(next) ? (index.get(next) as number) : own) : visit(next)
      lowest.set(node, Math.min(lowest.get(node) as number, reached))
    }
    if (lowest.get(node) === own) {
      const circle = stack.splice(stack.indexOf(node))
      if (circle.length > 1) found.push(circle.sort())
    }
    return lowest.get(node) as number
  }
  for (const node of graph.keys()) if (!index.has(node)) visit(node)
  return found
}

/** One line for each import, read or shell that the tables forbid: the file, then the rule. */
function violations(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([path, source]) => {
    const { importedFiles } = ts.preProcessFile(source, true, true)
    const rules = importedFiles.map(({ fileName }) => brokenRule(path, fileName))
    if (path !== ENVIRONMENT && readsEnvironment(path, source)) {
      rules.push(`only ${ENVIRONMENT} reads process.env`)
    }
    rules.push(...brokenShellRules(path, source))
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

/** A shell's name, `sh -c` in a text, the option `shell`, and what node:child_process has that uses one. */
function brokenShellRules(path: string, source: string): string[] {
  if (!/\b(?:ba|da|k|z)?sh\b|\bshell\b|child_process/.test(source)) return []
  const rules: string[] = []
  const visit = (node: ts.Node): void => {
    const [shell] = /^(?:\S*\/)?(?:ba|da|k|z)?sh$|\b(?:ba|da|k|z)?sh\s+-\w*c\b/.exec(textOf(node)) ?? []
    if (shell !== undefined && !SHELL_IN.includes(path)) rules.push(`'${shell}': ${NO_SHELL}`)
    if (STARTERS.includes(path) && ts.isObjectLiteralElement(node) && node.name && nameIs(node.name, 'shell')) {
      rules.push(`the option shell: ${NO_SHELL}`)
    }
    if (/^(node:)?child_process$/.test(textOf(node))) rules.push(...brokenChildProcessRules(node.parent))
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true))
  return rules
}

/** @param use the node that contains the module's name */
function brokenChildProcessRules(use: ts.Node): string[] {
  const clause = ts.isImportDeclaration(use) ? use.importClause : undefined
  if (
    !ts.isImportDeclaration(use) ||
    clause?.name ||
    !clause?.namedBindings ||
    !ts.isNamedImports(clause.namedBindings)
  ) {
    return ['node:child_process is imported by names alone, so that it can be seen what is used']
  }
  const shells = ['exec', 'execSync'].filter((name) => importsName(use, name))
  return shells.map((name) => `${name} gives its command to a shell: ${NO_SHELL}`)
}

/** The content of a string literal, or of a piece of a template; otherwise empty. */
function textOf(node: ts.Node): string {
  const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)
  return isText ? node.text : ''
}

function importsName(node: ts.ImportDeclaration, name: string): boolean {
  const bindings = node.importClause?.namedBindings
  if (!bindings || !ts.isNamedImports(bindings)) return false
  return bindings.elements.some((element) => nameIs(element.propertyName ?? element.name, name))
}

function nameIs(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name
}

/** `src/ssh/command/exec.ts` -> `ssh`, `src/errors.ts` -> `errors`, `fixtures/index.ts` -> `fixtures`. */
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
