import type { NetworkKind } from '../options/network/network-options.ts'
import type { Capability } from './capability.ts'
import { messageOf } from '../host/message-of.ts'
import { requireAdmin } from '../host/rights/net-admin.ts'
import { run } from '../host/program/run.ts'
import { findTool } from '../host/program/tools.ts'

type Kind = Exclude<NetworkKind, 'auto'>

interface Obstacle {
  readonly why: string
  readonly fix?: string | undefined
}

/** The order of `auto`, and what each kind lacks. */
const LOST: Readonly<Record<Kind, string>> = {
  private: '',
  host: ": bridges and TAPs in the host's own namespace, on free subnets; no DHCP, no egress",
  user: ': one guest per network, which cannot connect to the test; no IPv6, DHCP or egress',
}
const ORDER = Object.keys(LOST) as Kind[]
const MADE_OF: Readonly<Record<Kind, readonly string[]>> = {
  private: ['ip', 'util-linux', 'TUN', 'namespaces', 'bridge and TAP'],
  host: ['ip', 'TUN', 'bridge and TAP'],
  user: ['QEMU'],
}
/** Milliseconds; it takes about 50. */
const BUDGET = 5000

/** The kinds of network that work here, given the checks of what they need. */
export async function probeNetworks(found: readonly Capability[]): Promise<Capability & { readonly kind?: Kind }> {
  const faults = (kind: Kind): Obstacle[] =>
    found
      .filter(({ name, state, fix }) => MADE_OF[kind].includes(name) && state !== 'ok' && fix !== undefined)
      .map(({ found: why, fix }) => ({ why, fix }))
  const [admin, usernet] = await Promise.all([adminFault(), usernetFault()])
  return judgeNetworks({
    private: faults('private'),
    host: [...faults('host'), ...admin],
    user: [...faults('user'), ...usernet],
  })
}

export function judgeNetworks(
  obstacles: Readonly<Record<Kind, readonly Obstacle[]>>,
): Capability & { readonly kind?: Kind } {
  const name = 'networks'
  const possible = ORDER.filter((kind) => obstacles[kind].length === 0)
  const [kind] = possible
  const means = kind ? `auto uses ${kind}${LOST[kind]}` : 'no guest can be reached'
  if (kind === 'private') return { name, state: 'ok', found: possible.join(', '), means, kind }
  const refusals = ORDER.slice(0, kind && ORDER.indexOf(kind)).map(
    (each) => `not ${each}: ${obstacles[each].map(({ why }) => why).join(', and ')}`,
  )
  return {
    name,
    state: kind ? 'degraded' : 'missing',
    found: [possible.join(', ') || 'none', ...refusals].join('; '),
    means,
    fix: together(obstacles.private.flatMap(({ fix }) => fix ?? [])),
    ...(kind && { kind }),
  }
}

/** Joins commands with `&&`, other advice with semicolons. */
function together(fixes: readonly string[]): string {
  const different = [...new Set(fixes)]
  return different.join(different.every((fix) => /^sudo [^;]*$/.test(fix)) ? ' && ' : '; ')
}

async function adminFault(): Promise<Obstacle[]> {
  if (findTool('ip') === undefined) return []
  try {
    await requireAdmin()
    return []
  } catch (error) {
    return [{ why: messageOf(error) }]
  }
}

/** Some distributions build QEMU without it. */
async function usernetFault(): Promise<Obstacle[]> {
  const qemu = findTool('qemu-system-x86_64')
  if (qemu === undefined) return []
  try {
    const backends = await run(qemu, ['-netdev', 'help'], { timeoutMs: BUDGET })
    return /^user$/m.test(backends) ? [] : [{ why: `${qemu} was built without user networking` }]
  } catch (error) {
    return [{ why: `${qemu}: ${messageOf(error)}` }]
  }
}
