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

/** All interfaces, or one of them. @throws HostError when there is none of that name */
export async function hostLinks(name?: string): Promise<HostLink[]> {
  return show('-details', 'link', 'show', ...(name === undefined ? [] : ['dev', name]))
}

/** By the name of the interface; with IPv6, all but what every interface gives itself (link-local). */
export async function hostAddresses(withIpv6 = false): Promise<Map<string, readonly HostAddress[]>> {
  const found = await show<Addressed>(...(withIpv6 ? [] : ['-4']), 'address', 'show')
  const isKept = ({ local, scope }: HostAddress) => !(local.includes(':') && scope === 'link')
  return new Map(found.map(({ ifname, addr_info }) => [ifname, addr_info.filter(isKept)]))
}

export async function hostRoutes(withIpv6 = false): Promise<HostRoute[]> {
  const families = withIpv6 ? ['-4', '-6'] : ['-4']
  return (await Promise.all(families.map((family) => show<HostRoute>(family, 'route', 'show')))).flat()
}

/** Anybody may look. */
async function show<T>(...args: string[]): Promise<T[]> {
  const text = await run(requireTool('ip'), ['-json', ...args])
  // Older ones print nothing where there is nothing, and an empty object for what they filter out.
  return (JSON.parse(text || '[]') as T[]).filter((each) => Object.keys(each as object).length > 0)
}
