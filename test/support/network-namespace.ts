import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { execa } from 'execa'
import { needsUserNamespace } from '../../src/host/rights/namespaces.ts'
import { asRoot } from './sudo.ts'

/** A test's own network namespace, in place of the host's: `host` networks must not be created anywhere else. */
export interface NetworkNamespace extends AsyncDisposable {
  /** The command line that runs another one there. */
  inside(command: readonly string[]): [string, ...string[]]
  /** Runs lines of ip(8). */
  ip(...lines: string[]): Promise<void>
  /** What `ip -json` shows. */
  show<T>(...args: string[]): Promise<T[]>
  /** The names of the interfaces, without the loopback. */
  interfaces(): Promise<string[]>
}

/**
 * As root it is one of the host's, and else one that root in a user namespace of its own has made. What needs an ordinary
 * user who may run sudo asks for `ofTheHost`: root makes it then, and who runs the tests enters it as themselves.
 */
export async function networkNamespace({ ofTheHost = false } = {}): Promise<NetworkNamespace> {
  const ordinary = needsUserNamespace()
  const sudo = ordinary && ofTheHost ? ['sudo', '-n'] : []
  const user = ordinary && !ofTheHost
  const namespaces = user ? ['--user', '--map-root-user', '--net'] : ['--net']
  const script = 'ip link set dev lo up && echo $$ && exec sleep infinity'
  const [command = '', ...args] = [...sudo, 'unshare', ...namespaces, 'sh', '-c', script]
  const holder = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  })
  const gone = once(holder, 'close')
  const reason = text(holder.stderr)
  const pid = await new Promise<string | undefined>((resolve) => {
    createInterface(holder.stdout).once('line', resolve)
    void gone.then(() => resolve(undefined))
  })
  if (pid === undefined) throw new Error(`No network namespace: ${await reason}`)
  const enter: [string, ...string[]] = [
    'nsenter',
    `--target=${pid}`,
    ...(user ? ['--user', '--preserve-credentials'] : []),
    '--net',
    '--',
  ]
  // sudo takes some of the environment away: TMPDIR and PATH always.
  const ourselves = `exec sudo -n --preserve-env ${enter.join(' ')} setpriv --reuid=$(id -u) --regid=$(id -g) \
    --init-groups env "TMPDIR=$TMPDIR" "PATH=$PATH" "HOME=$HOME" "$@"`
  const inside = (command: readonly string[]): [string, ...string[]] =>
    sudo.length > 0 ? ['sh', '-c', ourselves, 'sh', ...command] : [...enter, ...command]
  const run = async (command: readonly string[], input = '') => {
    const [file = '', ...args] = [...sudo, ...enter, ...command]
    return (await execa(file, args, { input })).stdout
  }
  const show = async <T>(...args: string[]) => JSON.parse((await run(['ip', '-json', ...args])) || '[]') as T[]
  return {
    inside,
    ip: async (...lines) => void (await run(['ip', '-batch', '-'], lines.map((line) => `${line}\n`).join(''))),
    show,
    interfaces: async () => {
      const links = await show<{ ifname: string }>('link', 'show')
      return links.map(({ ifname }) => ifname).filter((name) => name !== 'lo')
    },
    [Symbol.asyncDispose]: async () => {
      await asRoot(['kill', '-KILL', pid])
      await gone
    },
  }
}

/** A network of another process, or why it could not be opened. */
export interface Opened {
  kind?: string
  reason?: string
  bridge?: string
  subnet?: string
  gateway?: string
  tap?: string
  pid?: number
  stateFolder?: string
  error?: { name: string; message: string; hint?: string; option?: string }
}

/** A process with an open network. */
export interface Owner extends AsyncDisposable {
  readonly opened: Opened
  /** Runs a function body in it, with `network` in scope, and returns its result, through JSON. */
  evaluate(body: string): Promise<unknown>
  /** Tries to open another network in it, and closes it again. */
  another(options: object): Promise<Opened>
  kill(signal: NodeJS.Signals): Promise<void>
}

const OPEN = new URL('../../src/network/open-network.ts', import.meta.url).href
const PROGRAM = `
  import { createInterface } from 'node:readline'
  const { openNetwork } = await import(process.argv[1])
  const say = (what) => console.log(JSON.stringify(what))
  const refusal = ({ name, message, hint, option }) => ({ error: { name, message, hint, option } })
  const told = async (network) => {
    const place = await network.attach({ hostname: 'guest', address: network.subnet.cidr.replace(/\\d+\\/.*/, '224') })
    const { kind, reason, bridge, subnet, gateway, stateFolder } = network
    return { kind, reason, bridge, subnet: subnet.cidr, gateway, stateFolder, tap: place.tap, pid: process.pid }
  }
  const another = async (options) => {
    try {
      await using network = await openNetwork(options)
      return await told(network)
    } catch (error) {
      return refusal(error)
    }
  }
  let network
  try {
    network = await openNetwork(JSON.parse(process.argv[2]))
    say(await told(network))
  } catch (error) {
    await network?.[Symbol.asyncDispose]()
    say(refusal(error))
  }
  const AsyncFunction = (async () => {}).constructor
  for await (const line of createInterface(process.stdin)) {
    const run = new AsyncFunction('network', 'another', JSON.parse(line))
    say({ value: await run(network, another).catch((error) => error.message) })
  }
  await network?.[Symbol.asyncDispose]()`

/** Opens a network in a separate process, started by the command line that `inside` returns. */
export async function openElsewhere(
  options: object,
  inside: (command: readonly string[]) => [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
): Promise<Owner> {
  const command = [process.execPath, '--input-type=module', '--eval', PROGRAM, OPEN, JSON.stringify(options)]
  const [file, ...args] = inside(command)
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const errors = text(child.stderr)
  const ended = once(child, 'close')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = (await lines.next()) as IteratorResult<string, undefined>
    if (done) throw new Error(`The owner of the network has ended: ${await errors}`)
    return JSON.parse(value) as unknown
  }
  const evaluate = async (body: string) => {
    child.stdin.write(`${JSON.stringify(body)}\n`)
    return ((await next()) as { value: unknown }).value
  }
  const opened = (await next()) as Opened
  return {
    opened,
    evaluate,
    another: async (more) => (await evaluate(`return another(${JSON.stringify(more)})`)) as Opened,
    kill: async (signal) => {
      // Not the program that entered the namespace for it, which does not pass on signals.
      process.kill(opened.pid ?? (child.pid as number), signal)
      await ended
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.on('error', () => {}).end()
      await ended
    },
  }
}
