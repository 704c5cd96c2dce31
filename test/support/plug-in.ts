import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import type { Network } from '../../src/network/network.ts'

/** Plays a machine on a network: a network namespace with one card, a veth pair, on the bridge. */
export interface Plugged extends AsyncDisposable {
  /** Of a process in its namespace. */
  readonly name: string
  inside(command: readonly string[]): [string, ...string[]]
}

let made = 0

/** @param address with its prefix length; without one the card has none */
export async function plugIn(network: Network, address?: string, macAddress?: string): Promise<Plugged> {
  const name = `m${made++}`
  const holder = spawn(
    ...split(network.inside(['unshare', '--net', 'sh', '-c', 'echo ready && exec sleep infinity'])),
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await new Promise((resolve) => createInterface(holder.stdout).once('line', resolve))
  const pid = await leafOf(holder.pid as number)
  const inside = (command: readonly string[]): [string, ...string[]] => {
    const [file, ...args] = network.inside(['true'])
    // The same namespaces except for one.
    const enter = args.slice(0, -1).map((word) => (word === '--net' ? `--net=/proc/${pid}/ns/net` : word))
    return [file, ...enter, ...command]
  }
  const ip = (command: readonly string[]) => execa(...split(network.inside(['ip', ...command])))
  const mtu = ['mtu', `${network.mtu}`]
  const other = ['peer', 'name', 'eth0', ...mtu, ...(macAddress === undefined ? [] : ['address', macAddress])]
  await ip(['link', 'add', name, ...mtu, 'type', 'veth', ...other, 'netns', `/proc/${pid}/ns/net`])
  await ip(['link', 'set', 'dev', name, 'master', network.bridge as string, 'up'])
  const commands = ['link set dev lo up', 'link set dev eth0 up']
  if (address !== undefined) commands.push(`address add ${address} dev eth0 ${address.includes(':') ? 'nodad' : ''}`)
  await execa(...split(inside(['ip', '-batch', '-'])), { input: commands.join('\n') })
  return {
    name,
    inside,
    [Symbol.asyncDispose]: async () => {
      process.kill(pid, 'SIGKILL')
      await ip(['link', 'delete', 'dev', name]).catch(() => {})
    },
  }
}

export function split([file, ...args]: readonly [string, ...string[]]): [string, string[]] {
  return [file, args]
}

/** Sends one ping. */
export function ping(network: Network, address: string, more: readonly string[] = []) {
  const command = network.inside(['ping', '-c', '1', '-W', '5', ...more, address])
  return execa(...split(command), { reject: false, all: true })
}

/** A server that sends `greeting` to each client, started by the command line that `inside` returns. */
export async function insideNode(inside: Plugged['inside'], greeting: string): Promise<number> {
  const program = `
    const server = require('node:net').createServer((socket) => socket.on('error', () => {}).end(process.argv[1]))
    server.listen(0, '::', () => console.log(server.address().port))`
  const child = spawn(...split(inside([process.execPath, '-e', program, greeting])), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve) => createInterface(child.stdout).once('line', (line) => resolve(Number(line))))
}

/** nsenter remains the parent of what it runs in another PID namespace. */
async function leafOf(pid: number): Promise<number> {
  const { stdout } = await execa('ps', ['-o', 'pid=', '--ppid', `${pid}`], { reject: false })
  const child = Number(stdout.trim())
  return child ? leafOf(child) : pid
}
