import { NetworkError } from '../../errors.ts'
import { acquire } from '../../lifetime/disposers.ts'
import type { NetworkLayout, NetworkSpec } from '../../options/network/network-options.ts'
import { nthAddress } from '../../address/ipv4.ts'
import { dialThrough } from '../keeper/dial.ts'
import type { Attachment, Member, Network } from '../network.ts'
import { startUnprivilegedKeeper } from '../keeper/start-keeper.ts'
import { tooFar } from '../inside/visitor.ts'
import { MONITOR } from './usernet.ts'

/** QEMU's IF_MTU_DEFAULT (libslirp). */
const LARGEST_MTU = 1500
const ELSEWHERE = "Use kind: 'private' or kind: 'host'."

/** QEMU's `-netdev`. It requires a name server, here an unused address, and a first DHCP address, the guest's own. */
export function userNetdev({ subnet, gateway }: Pick<NetworkLayout, 'subnet' | 'gateway'>, address: string): string {
  const elsewhere = nthAddress(subnet, 0)
  return `user,restrict=on,ipv6=off,net=${subnet.cidr},host=${gateway},dns=${elsewhere},dhcpstart=${address}`
}

function refuse(what: string, hint = ELSEWHERE): () => Promise<never> {
  return async () => {
    throw new NetworkError(what, { hint })
  }
}

/** QEMU's own network, for one machine; needs nothing from the host. */
export async function userNetwork(spec: NetworkSpec, signal?: AbortSignal, reason?: string): Promise<Network> {
  const { subnet, gateway, mtu } = spec
  if (spec.subnet6 || mtu > LARGEST_MTU) {
    const what = spec.subnet6 ? 'IPv6' : `packets larger than ${LARGEST_MTU} bytes`
    throw new NetworkError(`A user network does not support ${what}`, { hint: ELSEWHERE })
  }
  return acquire(async (disposers) => {
    const keeper = disposers.use(await startUnprivilegedKeeper('user', [], signal))
    const { folder, socketPath } = keeper
    let place: Attachment | undefined
    let kept: number | undefined

    const attach = async ({ hostname, address, macAddress }: Member): Promise<Attachment> => {
      if (place) {
        const { member } = place
        throw new NetworkError(`A user network has room for one guest, and ${member.hostname} is on it`, {
          hint: "Guests that talk to one another need kind: 'private' or kind: 'host'.",
        })
      }
      if (address === undefined) {
        throw new NetworkError('A guest on a user network needs an address', { hint: ELSEWHERE })
      }
      const attachment: Attachment = {
        member: { hostname, address, ...(macAddress !== undefined && { macAddress }) },
        netdev: userNetdev({ subnet, gateway }, address),
        monitor: MONITOR,
        join: () => Promise.resolve(),
        [Symbol.asyncDispose]: async () => {
          if (place === attachment) place = undefined
        },
      }
      place = attachment
      return attachment
    }

    return {
      kind: 'user',
      reason,
      backend: 'user',
      subnet,
      gateway,
      mtu,
      get members() {
        return place ? [place.member] : []
      },
      get attachments() {
        return place ? [place] : []
      },
      ready: keeper.ready,
      stateFolder: folder,
      socketPath,
      attach,
      // There is nobody to be isolated from.
      reserve: attach,
      run: refuse('A user network cannot be entered: it is inside QEMU'),
      inside: (command) => keeper.inside(command),
      keep: (seconds) => (kept ??= keeper.hold(seconds)),
      dial: async (address, port, dialSignal) => {
        dialSignal?.throwIfAborted()
        if (place?.member.address === address) return dialThrough(socketPath, address, port, dialSignal)
        throw new NetworkError(`Nothing answers at ${address}:${port}: EHOSTUNREACH: no guest has that address`)
      },
      datagrams: refuse('A user network does not carry UDP from this process to a guest'),
      partition: refuse('A user network cannot be partitioned: one guest is on it'),
      heal: () => Promise.resolve(),
      neighbours: () => Promise.resolve(new Map()),
      reserveFor: async (home) => {
        throw tooFar((await home).kind, 'user')
      },
      expose: refuse(
        'A guest on a user network cannot call servers of this process',
        `${ELSEWHERE} QEMU's own network lets nothing out of the guest.`,
      ),
      [Symbol.asyncDispose]: async () => {
        if (kept === undefined) await disposers[Symbol.asyncDispose]()
      },
    }
  })
}
