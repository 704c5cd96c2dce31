import { messageOf } from '../../host/message-of.ts'
import { requireTool } from '../../host/program/tools.ts'
import { firewallBetween } from './firewall.ts'
import { runInside, type Inside } from '../inside/run-inside.ts'
import type { HostAddress } from '../host/host-record.ts'
import type { Network } from '../network.ts'

/** An interface, as `ip -json -details` shows it, with `-statistics address` or `link`. */
export interface HostLink {
  readonly ifname: string
  /** Its MAC address. */
  readonly address?: string
  readonly flags: readonly string[]
  readonly mtu: number
  readonly master?: string
  readonly linkinfo?: {
    readonly info_kind?: string
    /** `user` is the owner of a TAP: their name, or their number when they have none. */
    readonly info_data?: { readonly type?: string; readonly user?: string | number }
  }
  readonly addr_info?: readonly HostAddress[]
  readonly stats64?: { readonly rx: { readonly bytes: number }; readonly tx: { readonly bytes: number } }
}

export interface Tenant {
  readonly tap: string | undefined
  readonly hostname: string
  readonly address: string | undefined
  /** As in `vitest-guest ssh ID`. */
  readonly id?: string
}

export interface Topology extends Pick<Network, 'kind' | 'bridge' | 'gateway'> {
  readonly interfaces: readonly HostLink[]
  readonly tenants: readonly Tenant[]
  /** A firewall that keeps the guests from reaching one another. */
  readonly firewall: Error | undefined
}

export async function readInterfaces(where: Inside, signal?: AbortSignal): Promise<HostLink[]> {
  const command = [requireTool('ip'), '-json', '-details', '-statistics', 'address', 'show']
  return JSON.parse((await runInside(where, command, { signal })) || '[]') as HostLink[]
}

/**
 * Draws a network as text: its bridges with their addresses, the TAPs on them, and the guests behind those, each with state and
 * counters; and a firewall that keeps the guests from reaching one another.
 *
 *     br0 192.168.100.50/24, up, mtu 1500, in 12 kB, out 34 kB
 *     ├─ tap0 up, in 4 kB, out 8 kB ── web 192.168.100.224
 *     └─ tap1 DOWN ── db 192.168.100.225
 *
 * @throws HostError when the network is gone
 */
export async function describeNetwork(network: Network, signal?: AbortSignal): Promise<string> {
  const { kind, bridge, gateway, attachments } = network
  const [interfaces, firewall] = await Promise.all([
    bridge === undefined ? [] : readInterfaces(network, signal),
    firewallBetween(network, signal),
  ])
  const tenants = attachments.map(({ tap, member: { hostname, address } }) => ({ tap, hostname, address }))
  return drawTopology({ kind, bridge, gateway, interfaces, tenants, firewall })
}

export function drawTopology({ kind, bridge, gateway, interfaces, tenants, firewall }: Topology): string {
  if (bridge === undefined) {
    return branches(
      `QEMU itself, ${gateway} (a ${kind} network)`,
      tenants.map((tenant) => tenantText(tenant)),
    )
  }
  const found = (name: string | undefined) => interfaces.find(({ ifname }) => ifname === name)
  const ours = new Set(tenants.map(({ tap }) => tap))
  // The network's own bridge, and those that its TAPs were moved to.
  const isDrawn = ({ ifname }: HostLink) =>
    ifname === bridge || interfaces.some((each) => ours.has(each.ifname) && each.master === ifname)
  const bridges = interfaces.filter(isDrawn)
  const portsOf = (name: string | undefined) =>
    interfaces.filter((each) => !isDrawn(each) && each.master === name && (name !== undefined || ours.has(each.ifname)))
  const port = (each: HostLink) => {
    const tenant = tenants.find(({ tap }) => tap === each.ifname)
    return `${each.ifname} ${stateOf(each)}${tenant ? ` ── ${tenantText(tenant)}` : ''}`
  }
  const lost = tenants.filter(({ tap }) => !found(tap))
  return [
    ...bridges.map((each) =>
      branches(`${each.ifname} ${addressesOf(each)}, ${stateOf(each)}`, portsOf(each.ifname).map(port)),
    ),
    ...(found(bridge) ? [] : [`${bridge} is GONE\n`]),
    ...portsOf(undefined).map((each) => `${port(each)} ── on NO bridge\n`),
    ...lost.map((tenant) => `${tenant.tap ?? 'no TAP'} is GONE ── ${tenantText(tenant)}\n`),
    ...(firewall ? [`${messageOf(firewall)}\n`] : []),
  ].join('')
}

function branches(root: string, leaves: readonly string[]): string {
  return [root, ...leaves.map((leaf, index) => `${index === leaves.length - 1 ? '└─' : '├─'} ${leaf}`)]
    .map((line) => `${line}\n`)
    .join('')
}

function tenantText({ hostname, address, id }: Tenant): string {
  return `${hostname} ${address ?? 'without an address'}${id === undefined ? '' : ` (${id})`}`
}

/** Without link-local ones. */
function addressesOf({ addr_info: addresses = [] }: HostLink): string {
  const shown = addresses.filter(({ scope }) => scope !== 'link').map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  return shown.length === 0 ? 'without an address' : shown.join(' ')
}

function stateOf({ flags, mtu, linkinfo, stats64 }: HostLink): string {
  const state = flags.includes('UP') ? 'up' : 'DOWN'
  const isBridge = linkinfo?.info_kind === 'bridge'
  return [
    state,
    ...(isBridge ? [`mtu ${mtu}`] : []),
    ...(stats64 ? [`in ${amount(stats64.rx.bytes)}`, `out ${amount(stats64.tx.bytes)}`] : []),
  ].join(', ')
}

function amount(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
