import { until } from '../lifetime/until.ts'
import { resolveNetwork, type NetworkOptions } from '../options/network-options.ts'
import type { Network } from './network.ts'
import { privateNetwork } from './private-network.ts'

export type OpenOptions = NetworkOptions & { signal?: AbortSignal }

/**
 * Opens a host-only network that ends with this process, or when disposed.
 *
 * @throws GuestError for a bad option; HostError when a tool or /dev/net/tun is missing; NetworkError when the kernel
 * refuses the namespaces or the bridge.
 */
export async function openNetwork(options: OpenOptions = {}): Promise<Network> {
  const network = await beginNetwork(options)
  try {
    await until(options.signal, network.ready)
    return network
  } catch (error) {
    await network[Symbol.asyncDispose]()
    throw error
  }
}

/** The same, back as soon as machines can be started on it: before it can be dialed, and before its folder is there. */
export async function beginNetwork(options: OpenOptions): Promise<Network> {
  const { signal, ...rest } = options
  const spec = resolveNetwork(rest)
  return privateNetwork(spec, signal)
}
