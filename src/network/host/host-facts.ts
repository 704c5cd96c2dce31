import { requireTool } from '../../host/program/tools.ts'
import { run } from '../../host/program/run.ts'
import type { HostLink } from '../diagnosis/topology.ts'
import type { HostAddress } from './host-record.ts'

interface Addressed {
  readonly ifname: string
  readonly addr_info: readonly HostAddress[]
}

/** `dst` is a subnet, an address, or `default`. */
export interface HostRoute {
  readonly dst: string
  readonly dev?: string
}

/** All interfaces, or the one of this name. @throws HostError when there is none */
export async function hostLinks(name?: string): Promise<HostLink[]> {
  return show('-details', 'link', 'show', ...(name === undefined ? [] : ['dev', name]))
}

/** By the name of the interface; with IPv6, except link-local ones. */
export async function hostAddresses(withIpv6 = false): Promise<Map<string, readonly HostAddress[]>> {
  const found = await show<Addressed>(...(withIpv6 ? [] : ['-4']), 'address', 'show')
  const isKept = ({ local, scope }: HostAddress) => !(local.includes(':') && scope === 'link')
  return new Map(found.map(({ ifname, addr_info }) => [ifname, addr_info.filter(isKept)]))
}

export async function hostRoutes(withIpv6 = false): Promise<HostRoute[]> {
  const families = withIpv6 ? ['-4', '-6'] : ['-4']
  return (await Promise.all(families.map((family) => show<HostRoute>(family, 'route', 'show')))).flat()
}

/** Needs no rights. */
async function show<T>(...args: string[]): Promise<T[]> {
  const text = await run(requireTool('ip'), ['-json', ...args])
  // Older versions print nothing for an empty list, and an empty object for what they filter out.
  return (JSON.parse(text || '[]') as T[]).filter((each) => Object.keys(each as object).length > 0)
}
