import { openNetwork as open, type OpenOptions } from '../../network/open-network.ts'
import { bootGuest } from '../start/boot-guest.ts'
import type { GuestNetwork } from './guest-network.ts'
import { withGuests } from './with-guests.ts'

/**
 * Opens a host-only network for guests. It ends with this process, or when disposed, and its guests before it.
 *
 * @throws GuestError for a bad option; HostError when a tool or /dev/net/tun is missing; NetworkError when the kernel
 * refuses the namespaces or the bridge.
 */
export async function openNetwork(options: OpenOptions = {}): Promise<GuestNetwork> {
  return withGuests(await open(options), bootGuest)
}
