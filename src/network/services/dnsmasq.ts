import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { NetworkError } from '../../errors.ts'
import { programEnvironment } from '../../host/environment.ts'
import { requireStreams } from '../../host/program/require-streams.ts'
import { letGo } from '../../host/program/let-go.ts'
import { requireTool } from '../../host/program/tools.ts'
import { until } from '../../lifetime/until.ts'
import type { DhcpRange } from '../../options/network/dhcp.ts'
import type { Keeper } from '../keeper/keeper-process.ts'

/** The DHCP server of a network. */
export interface Dhcp {
  readonly range: DhcpRange
  /** The current leases. */
  leases(): Promise<Lease[]>
  /** Reserves an address and a name for a card. */
  reserve(lease: Lease): Promise<AsyncDisposable>
  /** Waits until a card has a lease. @throws NetworkError when the range is exhausted, or dnsmasq has exited; the signal's reason */
  lease(macAddress: string, signal: AbortSignal): Promise<Lease>
}

/** Milliseconds. */
const BETWEEN_LOOKS = 50

/** Runs dnsmasq on the bridge until the keeper ends. @throws HostError when it is not installed; NetworkError when it does not start */
export async function startDnsmasq(
  keeper: Pick<Keeper, 'inside' | 'folder' | 'ready'>,
  config: DnsmasqConfig,
  signal?: AbortSignal,
): Promise<Dhcp> {
  const program = requireTool('dnsmasq')
  await until(signal, keeper.ready)
  const leases = join(keeper.folder, 'dnsmasq.leases')
  const hosts = join(keeper.folder, 'dnsmasq.hosts')
  // Not its parent: a network that was closed in the meantime must not leave a folder behind.
  await mkdir(hosts).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const [file, ...args] = keeper.inside([program, ...dnsmasqArguments(config, leases, hosts)])
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], env: programEnvironment() })
  requireStreams(child, [program])
  letGo(child)
  let said = ''
  let isOver = false
  const over = once(child, 'close').then(() => {
    isOver = true
  })
  const failure = () => {
    const { message, hint } = explainDnsmasq(said, config.range)
    return new NetworkError(message, {
      command: child.spawnargs.join(' '),
      exitCode: child.exitCode ?? undefined,
      stderr: said,
      hint,
    })
  }
  const started = new Promise<void>((resolve) => {
    createInterface(child.stderr).on('line', (line) => {
      said += `${line}\n`
      if (line.includes('DHCP, sockets bound')) resolve()
    })
  })
  await until(signal, Promise.race([started, over.then(() => Promise.reject(failure()))]))
  const known = async () => parseLeases(await readFile(leases, 'utf8').catch(() => ''))
  return {
    range: config.range,
    leases: known,
    reserve: async ({ macAddress, address, hostname }) => {
      const path = join(hosts, macAddress.replaceAll(':', '-'))
      await writeFile(path, `${macAddress},${address},${hostname}\n`)
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
    },
    lease: async (macAddress, leaseSignal) => {
      for (;;) {
        leaseSignal.throwIfAborted()
        const found = (await known()).find((lease) => lease.macAddress === macAddress)
        if (found) return found
        if (isOver) throw failure()
        if (said.includes(`${macAddress} no address available`)) throw failure()
        await sleep(BETWEEN_LOOKS, undefined, { signal: leaseSignal })
      }
    },
  }
}

interface DnsmasqConfig {
  readonly bridge: string
  readonly range: DhcpRange
  /** The server to ask for other names. */
  readonly nameServer?: string | undefined
  /** The default gateway to announce. */
  readonly router?: string | undefined
}

/**
 * dnsmasq's arguments. `--no-daemon` also keeps it from changing its user: a user namespace has no other. `--dhcp-authoritative` makes it
 * confirm leases that it did not give: a clone has its template's, from another dnsmasq. Without `--no-ping` each lease would take three
 * seconds.
 */
function dnsmasqArguments({ bridge, range, nameServer, router }: DnsmasqConfig, leases: string, hosts: string) {
  return [
    '--no-daemon',
    '--conf-file=/dev/null',
    `--interface=${bridge}`,
    '--except-interface=lo',
    '--bind-interfaces',
    '--no-resolv',
    '--no-hosts',
    // A name without a dot is a guest's, or does not exist.
    '--domain-needed',
    '--no-ping',
    ...(nameServer === undefined ? [] : [`--server=${nameServer}`]),
    '--dhcp-authoritative',
    `--dhcp-range=${range.first},${range.last},12h`,
    `--dhcp-leasefile=${leases}`,
    `--dhcp-hostsdir=${hosts}`,
    // Without a value it announces no default gateway; without the option, itself.
    `--dhcp-option=option:router${router === undefined ? '' : `,${router}`}`,
  ]
}

function explainDnsmasq(said: string, { first, last }: DhcpRange): { message: string; hint: string } {
  if (said.includes('no address available')) {
    return {
      message: `The DHCP range from ${first} to ${last} is exhausted`,
      hint: "Give the network a longer range: dhcpRange: ['192.168.100.100', '192.168.100.199'].",
    }
  }
  if (/Address already in use/i.test(said)) {
    return {
      message: 'dnsmasq cannot listen on the bridge: its port is in use',
      hint: 'Another DHCP or name server runs where the bridge is; stop it (ss -lunp shows it), or use a private network.',
    }
  }
  const reason = (said.trim().split('\n').at(-1) ?? '').replace(/^dnsmasq(-dhcp)?: /, '')
  return {
    message: `dnsmasq exited${reason && `: ${reason}`}`,
    hint: "It assigns this network's guests their addresses; to do without it, use addressing: 'static'.",
  }
}

/** An address leased to a card. */
export interface Lease {
  readonly macAddress: string
  readonly address: string
  /** The name that the machine reports. */
  readonly hostname: string
}

/** dnsmasq's lease file: each line has expiry, MAC address, address, name (`*` for none) and client ID. */
function parseLeases(text: string): Lease[] {
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((words) => words.length === 5)
    .map(([, macAddress = '', address = '', name = '']) => ({
      macAddress,
      address,
      hostname: name === '*' ? '' : name,
    }))
}
