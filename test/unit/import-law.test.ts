import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

/** What the rooms that everything stands on may import, and then, room by room, what each may. */
const BASE = ['visible', 'errors', 'lifetime']
const HOST = [...BASE, 'options', 'host']
/** These four do not know one another; guest/ and template/ join them. */
const PARTS = ['network', 'image', 'machine', 'ssh']

/** room -> rooms it may import. A room is a folder of src/, a file directly in src/, or fixtures. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  visible: [],
  errors: ['visible'],
  lifetime: ['visible', 'errors'],
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
    paths: [
      'src/cli/run.ts',
      'src/host/lock.ts',
      'src/host/tar.ts',
      'src/machine/kill-inside.ts',
      'src/machine/start-machine.ts',
      'src/network/dnsmasq.ts',
      'src/network/keeper-process.ts',
      'src/network/keeper.ts',
      'src/network/slirp.ts',
    ],
    why: 'host programs run through src/host/run.ts; docs/decisions/host-programs.md has the exceptions',
  },
}

/** Who gives a script to a shell of the host. */
const SHELL_IN = [
  'src/host/sandbox.ts',
  'src/machine/confine.ts',
  'src/network/enter.ts',
  'src/network/start-keeper.ts',
  'src/network/tether.ts',
]
/** Those who could have one started by an option. */
const STARTERS = ['execa', 'node:child_process'].flatMap((name) => ONLY_IN[name]?.paths ?? [])
const NO_SHELL = 'no shell on the host: docs/decisions/host-programs.md has the exceptions'

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
  ['src/machine/a.ts', "import { spawn } from 'node:child_process'", 'node:child_process may only be imported in src/'],
  ['src/ssh/a.ts', "process.getBuiltinModule('node:child_process')", 'node:child_process is imported by names'],
  ['src/host/tar.ts', "import * as programs from 'node:child_process'", 'node:child_process is imported by names'],
  ['src/host/tar.ts', "import programs from 'child_process'", 'node:child_process is imported by names'],
  ['src/host/tar.ts', "import { exec as start } from 'node:child_process'", 'exec gives its command to a shell'],
  ['src/host/tar.ts', "import { execSync } from 'node:child_process'", 'execSync gives its command to a shell'],
  ['src/host/tar.ts', "spawn('tar', [], { shell: true })", 'the option shell'],
  ['src/host/run.ts', 'execa(file, args, { shell })', 'the option shell'],
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
  ['src/host/tar.ts', "import { type ChildProcess, execFileSync } from 'node:child_process'"],
  ['src/network/tether.ts', "const command = ['/bin/sh', '-c', script]"],
  ['src/guest/a.ts', "guest.exec('ssh -c aes') // sh -c"],
  ['fixtures/a.ts', 'const user = { shell: true }'],
  [ENVIRONMENT, 'export const home = process.env.HOME'],
] as const)('allows %s: %s', ([path, source]) => {
  expect(violations(new Map([[path, source]]))).toEqual([])
})

test('docs/decisions/host-programs.md tells of every exception', () => {
  const page = readFileSync(new URL('../../docs/decisions/host-programs.md', import.meta.url), 'utf8')
  expect([...STARTERS, ...SHELL_IN].filter((path) => !page.includes(path))).toEqual([])
})

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

/** @param use what the module's name stands in */
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

/** Of a text, or of a piece of one with something in between; else empty. */
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
