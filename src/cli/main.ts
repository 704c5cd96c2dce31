#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { GuestError, HostError } from '../errors.ts'
import { isNodeNewEnough, LEAST_NODE, NEWER_NODE } from '../host/node-version.ts'
import { type Command, isUsageError, UsageError } from './command.ts'
import { print, printAside } from './print.ts'

/** Loaded only when called: `connect` stands between OpenSSH and its server, and should start at once. */
const COMMANDS: Record<string, { summary: string; load: () => Promise<{ default: Command }> }> = {
  doctor: { summary: 'check what this host can do, and how to fix what it cannot', load: () => import('./doctor.ts') },
  shell: { summary: 'boot a guest and open a shell in it', load: () => import('./shell.ts') },
  ssh: { summary: 'list running guests; open a shell or run a command in one', load: () => import('./ssh.ts') },
  run: { summary: 'run a program of this host on the network of a running guest', load: () => import('./run.ts') },
  connect: {
    summary: "connect stdin and stdout to a port of a guest; for OpenSSH's ProxyCommand",
    load: () => import('./connect.ts'),
  },
  template: {
    summary: 'list or remove the templates (frozen guests) in the cache',
    load: () => import('./template.ts'),
  },
  image: { summary: 'list, download, add or remove the images in the cache', load: () => import('./image.ts') },
  gc: { summary: 'remove unused images and templates from the cache', load: () => import('./gc.ts') },
}

const HELP = `Usage: vitest-guest COMMAND [OPTIONS]

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(8)}  ${summary}`)
  .join('\n')}

  vitest-guest COMMAND --help   help on one command
  vitest-guest --version
`

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name.startsWith('-')) return general(name)
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (entry === undefined) {
    throw new UsageError(`unknown command '${name}'; commands: ${Object.keys(COMMANDS).join(', ')}`)
  }
  // Before loading anything that an old Node cannot load.
  if (!isNodeNewEnough(process.versions.node)) {
    const what = `Node.js ${LEAST_NODE} or newer is needed; this is ${process.versions.node}`
    throw new HostError(what, { hint: NEWER_NODE })
  }
  const { default: command } = await entry.load()
  const own = command.passesOn ? args.slice(0, 1) : args
  if (own.includes('--help') || own.includes('-h')) return print(command.help)
  return command.run(args)
}

function general(option: string | undefined): number {
  const options = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } } as const
  const { values } = parseArgs({ args: option === undefined ? [] : [option], options })
  if (values.version) return print(`${ownVersion()}\n`)
  if (values.help) return print(HELP)
  printAside(HELP)
  return 2
}

/** package.json is two folders above the source, and three above its compiled file. */
function ownVersion(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version
}

/** Our own errors need no stack; that of any other error helps to find the bug. */
function report(error: unknown): number {
  if (isUsageError(error)) {
    printAside(`vitest-guest: ${error.message}\nSee vitest-guest --help\n`)
    return 2
  }
  const text = error instanceof GuestError ? error.message : error instanceof Error ? error.stack : String(error)
  printAside(`vitest-guest: ${text}\n`)
  return 1
}

// A reader that closes early (`| head`) is no failure.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))

// Not process.exit(), which truncates output to a pipe.
process.exitCode = await main(process.argv.slice(2)).catch(report)
