import { HostError, NetworkError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import { warnOnce } from '../host/warn-once.ts'
import { hold } from '../lifetime/hold.ts'
import { until } from '../lifetime/until.ts'
import { requireOptions, requireSignal } from '../options/check.ts'
import { resolveNetwork, type NetworkOptions, type NetworkSpec } from '../options/network/network-options.ts'
import { hostNetwork } from './host/host-network.ts'
import type { Network } from './network.ts'
import { privateNetwork } from './private-network.ts'
import { sweepStateFolders } from './sweep-state.ts'
import { sweepOthers } from './host/sweep.ts'
import { userNetwork } from './user/user-network.ts'

export type OpenOptions = NetworkOptions & { signal?: AbortSignal | undefined }

/** @param reason why it is of this kind, when `auto` could not use an earlier one */
type Open = (spec: NetworkSpec, signal?: AbortSignal, reason?: string) => Promise<Network>

const OPEN: Record<Network['kind'], Open> = {
  private: privateNetwork,
  host: hostNetwork,
  user: userNetwork,
}

/** Opens a host-only network that ends with this process, or when disposed. @throws GuestError, HostError, NetworkError */
export async function openNetwork(options: OpenOptions = {}): Promise<Network> {
  const { signal, ...rest } = requireOptions(options, 'openNetwork()')
  requireSignal('signal', signal)
  return await openResolved(resolveNetwork(rest), signal)
}

/** The same with options that were already checked. */
export async function openResolved(spec: NetworkSpec, signal?: AbortSignal): Promise<Network> {
  using _ = hold()
  const network = await beginNetwork(spec, signal)
  try {
    await until(signal, network.ready)
    return network
  } catch (error) {
    await network[Symbol.asyncDispose]()
    throw error
  }
}

/** The same, but resolves as soon as machines can be started on it: before it can be dialed, and before its folder exists. */
export async function beginNetwork(spec: NetworkSpec, signal?: AbortSignal): Promise<Network> {
  // A host network does the latter itself, under the lock that it takes anyway.
  await Promise.all([sweepStateFolders(), spec.kind === 'host' ? undefined : sweepOthers(signal)])
  // These need a namespace of their own.
  if (spec.dhcpRange || spec.egress) return privateNetwork(spec, signal)
  return spec.kind === 'auto' ? firstPossible(spec, signal) : OPEN[spec.kind](spec, signal)
}

/** Warns in one line about the kinds that cannot be used here. */
async function firstPossible(spec: NetworkSpec, signal?: AbortSignal): Promise<Network> {
  const refusals: string[] = []
  const open = async (kind: Network['kind']) => {
    const reason = refusals.length === 0 ? undefined : refusals.join('; ')
    const network = await OPEN[kind](spec, signal, reason)
    if (reason !== undefined) warnOnce(`Guests use a ${kind} network here; ${reason}`)
    return network
  }
  for (const kind of ['private', 'host'] as const) {
    try {
      return await open(kind)
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof HostError || error instanceof NetworkError)) throw error
      refusals.push(`not ${kind}: ${messageOf(error)}`)
    }
  }
  return open('user')
}
