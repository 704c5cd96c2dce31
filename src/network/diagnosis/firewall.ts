import { NetworkError } from '../../errors.ts'
import { findTool } from '../../host/program/tools.ts'
import { runInside, type Inside } from '../inside/run-inside.ts'
import type { Network } from '../network.ts'
import { type Packet, type Ruleset, whoDrops } from './ruleset.ts'

const SSH_PORT = '22'
/** Whether the rules for routed packets apply to bridged packets too. */
const BRIDGE_NF = '/proc/sys/net/bridge/bridge-nf-call-iptables'

/** The tables that see IPv4. */
const FAMILIES = ['ip', 'inet']

type Where = Inside & Pick<Network, 'bridge' | 'gateway'>

/** A firewall that certainly drops SSH between this process and a guest, if nft(8) can tell. */
export async function firewallBefore(
  network: Where,
  { hostname, address }: { readonly hostname: string; readonly address: string },
  signal?: AbortSignal,
): Promise<NetworkError | undefined> {
  const { bridge, gateway } = network
  const ruleset = bridge === undefined ? undefined : await readRuleset(network, signal)
  if (!ruleset || bridge === undefined) return undefined
  const there = { ...way(gateway, address), ...names('oif', bridge), 'ct state': 'new', 'tcp dport': SSH_PORT }
  const back = { ...way(address, gateway), ...names('iif', bridge), 'ct state': 'established', 'tcp sport': SSH_PORT }
  const before = whoDrops(ruleset, { hook: 'output', families: FAMILIES, facts: there })
  const chain = before ?? whoDrops(ruleset, { hook: 'input', families: FAMILIES, facts: back })
  const direction = before === undefined ? 'packets from' : 'packets to'
  if (chain === undefined) return undefined
  return new NetworkError(`A firewall drops ${direction} guest ${hostname}: ${chain}`, {
    lastSeen: chain,
    hint: `Make it accept packets on ${bridge}; ${listCommand(chain)} shows its rules.`,
  })
}

/** A firewall that certainly drops new connections between the guests of a network, if nft(8) can tell. */
export async function firewallBetween(network: Where, signal?: AbortSignal): Promise<NetworkError | undefined> {
  const { bridge } = network
  if (bridge === undefined || !(await isBridgeFiltered(network, signal))) return undefined
  const ruleset = await readRuleset(network, signal)
  const facts = { ...names('iif', bridge), ...names('oif', bridge), 'ct state': 'new' }
  const chain = ruleset && whoDrops(ruleset, { hook: 'forward', families: FAMILIES, facts })
  if (chain === undefined) return undefined
  return new NetworkError(`A firewall drops packets between guests on ${bridge}: ${chain}`, {
    lastSeen: chain,
    hint:
      `Make it accept packets from ${bridge} to ${bridge} (${listCommand(chain)} shows its rules), ` +
      'or exempt bridged packets: sysctl -w net.bridge.bridge-nf-call-iptables=0',
  })
}

function way(from: string, to: string): Packet['facts'] {
  return { 'ip saddr': from, 'ip daddr': to, 'meta l4proto': 'tcp', 'ip protocol': 'tcp', 'meta nfproto': 'ipv4' }
}

function names(key: 'iif' | 'oif', bridge: string): Packet['facts'] {
  return { [`meta ${key}`]: bridge, [`meta ${key}name`]: bridge }
}

/** @param chain as in `chain input of table inet filter` */
function listCommand(chain: string): string {
  const [, name, , , family, table] = chain.split(' ')
  return `nft list chain ${family} ${table} ${name}`
}

/** Undefined where nft is not installed, or not allowed for this user. */
async function readRuleset(where: Where, signal?: AbortSignal): Promise<Ruleset | undefined> {
  const nft = findTool('nft')
  if (nft === undefined) return undefined
  try {
    return JSON.parse(await runInside(where, [nft, '--json', 'list', 'ruleset'], { signal })) as Ruleset
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}

/** The setting is per namespace (Linux 5.3 and newer), and missing where the kernel has no such filter. */
async function isBridgeFiltered(where: Where, signal?: AbortSignal): Promise<boolean> {
  const setting = await runInside(where, ['cat', BRIDGE_NF], { signal }).catch(() => '0')
  signal?.throwIfAborted()
  return setting.trim() === '1'
}
