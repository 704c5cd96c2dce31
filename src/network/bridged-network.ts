import { NetworkError } from '../errors.ts'
import type { Disposers } from '../lifetime/disposers.ts'
import { placeOf, type NetworkPlace } from '../options/network-options.ts'
import { dialThrough } from './dial.ts'
import { expose } from './expose.ts'
import { bridgeMac, joinCommands, removeTapCommands, tapCommands } from './ip-commands.ts'
import { Members } from './members.ts'
import { askNeighbours } from './neighbours.ts'
import type { Attachment, Member, Network } from './network.ts'
import { writeNetworkRecord } from './network-record.ts'
import { healCommands, type Part, partitionCommands, partsOf } from './partition.ts'
import type { Keeper } from './start-keeper.ts'

/** A bridge that is up, and what differs with the namespace that it is in. */
export interface Bridged extends NetworkPlace {
  readonly kind: 'private' | 'host'
  readonly bridge: string
  readonly keeper: Keeper
  /** Runs lines of ip(8) where the bridge is. @throws what says why not */
  ip(commands: string, signal?: AbortSignal): Promise<unknown>
  /** The name of the TAP with this number. */
  tapName(index: number): string
}

/** Runs lines of ip(8) to make something; `purpose` says what, as in `bridge br0`. @throws NetworkError when it could not be made */
export async function make(
  { ip }: Pick<Bridged, 'ip'>,
  commands: string,
  purpose: string,
  signal?: AbortSignal,
): Promise<void> {
  await ip(commands, signal).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw new NetworkError(`The ${purpose} could not be made`, {
      cause,
      stderr: cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : undefined,
      hint: 'Run npx vitest-guest doctor to see what this host lacks.',
    })
  })
}

/** The network around a bridge. What goes with it is on the stack of `disposers`. */
export function bridgedNetwork(bridged: Bridged, disposers: Disposers): Network {
  const { kind, bridge, gateway, mtu, keeper, tapName } = bridged
  const members = new Members(bridgeMac(gateway))
  let made = 0
  let closed = false
  let kept: number | undefined

  const place = async ({ hostname, address, macAddress }: Member, isApart: boolean, signal?: AbortSignal) => {
    const member = { hostname, address, ...(macAddress !== undefined && { macAddress }) }
    members.admit(member)
    const tap = tapName(made++)
    try {
      await make(bridged, tapCommands(tap, mtu) + (isApart ? '' : joinCommands(tap, bridge)), `TAP ${tap}`, signal)
    } catch (error) {
      members.leave(member)
      throw error
    }
    const attachment: Attachment = {
      member,
      tap,
      netdev: `tap,ifname=${tap},script=no,downscript=no`,
      join: async (joinSignal) => {
        if (isApart)
          await make(bridged, joinCommands(tap, bridge), `way of TAP ${tap} onto bridge ${bridge}`, joinSignal)
        isApart = false
      },
      [Symbol.asyncDispose]: async () => {
        // A network that has closed took its TAPs with it.
        if (members.leave(member) && !closed) await make(bridged, removeTapCommands(tap), `removal of TAP ${tap}`)
      },
    }
    members.arrive(attachment)
    return attachment
  }

  const ready = keeper.ready.then(() => {
    writeNetworkRecord(keeper.folder, { kind, bridge, gateway, inside: keeper.inside([]), pid: process.pid })
  })
  ready.catch(() => {})
  let parts: readonly Part[] = []
  const heal = async () => {
    if (parts.length === 0) return
    const healed = parts
    parts = []
    await make(bridged, healCommands(healed, members.attachments, bridge), 'way back of the parts')
  }
  disposers.defer(() => heal().catch(() => {}))

  return {
    kind,
    backend: 'tap',
    bridge,
    ...placeOf(bridged),
    get members() {
      return members.all
    },
    get attachments() {
      return members.attachments
    },
    ready,
    stateFolder: keeper.folder,
    socketPath: keeper.socketPath,
    attach: (member, signal) => place(member, false, signal),
    reserve: (member, signal) => place(member, true, signal),
    heal,
    partition: async (...groups) => {
      const wanted = partsOf(groups, members.attachments, bridge)
      await heal()
      parts = wanted
      await make(bridged, partitionCommands(wanted, bridged), 'partition')
    },
    neighbours: (addresses, signal) => askNeighbours(bridged, addresses, signal),
    inside: (command) => keeper.inside(command),
    keep: (seconds) => {
      kept ??= keeper.hold(seconds)
      return kept
    },
    dial: async (address, port, signal) => {
      await keeper.ready
      return dialThrough(keeper.socketPath, address, port, signal)
    },
    expose: async (port, server) => {
      await keeper.ready
      const { folder: stateFolder, socketPath } = keeper
      return disposers.use(await expose({ address: gateway, port, stateFolder, socketPath }, server))
    },
    [Symbol.asyncDispose]: async () => {
      if (kept !== undefined) return
      closed = true
      return disposers[Symbol.asyncDispose]()
    },
  }
}
