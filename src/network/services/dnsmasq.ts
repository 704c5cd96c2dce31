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
import { dnsmasqArguments, type DnsmasqConfig } from './dnsmasq-command.ts'
import { explainDnsmasq } from './explain-dnsmasq.ts'
import { parseLeases, type Lease } from './leases.ts'
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

/**
 * Runs dnsmasq on the bridge. It ends with the keeper, in whose PID namespace it is.
 * @throws HostError when it is not installed; NetworkError with what it says when it does not start
 */
export async function startDnsmasq(
  keeper: Pick<Keeper, 'inside' | 'folder' | 'ready'>,
  config: Omit<DnsmasqConfig, 'leases' | 'hosts'>,
  signal?: AbortSignal,
): Promise<Dhcp> {
  const program = requireTool('dnsmasq')
  await until(signal, keeper.ready)
  const leases = join(keeper.folder, 'dnsmasq.leases')
  const hosts = join(keeper.folder, 'dnsmasq.hosts')
  // Without creating its parent: a network that was closed in the meantime must leave no folder behind.
  await mkdir(hosts).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const [file, ...args] = keeper.inside([program, ...dnsmasqArguments({ ...config, leases, hosts })])
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
