import { existsSync } from 'node:fs'
import { NetworkError } from '../errors.ts'
import { nameOf } from '../host/program/process-name.ts'
import type { Disposers } from '../lifetime/disposers.ts'
import { layoutOf, type NetworkLayout } from '../options/network/network-options.ts'
import type { Dhcp } from './services/dnsmasq.ts'
import { dialThrough } from './keeper/dial.ts'
import { dialDatagrams } from './udp/dial-datagrams.ts'
import { expose } from './keeper/expose.ts'
import {
  bridgeMac,
  joinCommands,
  type Mark,
  moveCommands,
  notMade,
  removeLinkCommands,
  tapCommands,
} from './ip-commands.ts'
import type { Keeper } from './keeper/keeper-process.ts'
import { Members } from './members.ts'
import { askNeighbours } from './diagnosis/neighbours.ts'
import type { Attachment, Member, Network } from './network.ts'
import { writeNetworkRecord } from './network-record.ts'
import { healCommands, type Part, partitionCommands, partsOf } from './partition.ts'
import { ipInside, runForCaller } from './inside/run-inside.ts'
import { readInterfaces } from './diagnosis/topology.ts'
import { tooFar, visitorName } from './inside/visitor.ts'

/** A bridge that is up, and what depends on the namespace that it is in. */
export interface Bridged extends NetworkLayout {
  readonly kind: 'private' | 'host'
  readonly reason: string | undefined
  readonly bridge: string
  readonly keeper: Keeper
  readonly dhcp?: Dhcp | undefined
  /** Runs lines of ip(8) where the bridge is. @throws what says why not */
  ip(commands: string, signal?: AbortSignal): Promise<unknown>
  tapName(index: number): string
  /** The TAP that was created together with the bridge, for the first machine. */
  readonly firstTap?: string
  /** The owner and the alias of its TAPs; none in a namespace of its own. */
  readonly mark?: Mark
  /** Checks a TAP that has been put on the bridge. @throws NetworkError */
  verify?(tap: string): Promise<void>
}

/** Runs lines of ip(8); `purpose` says what for, as in `create bridge br0`. @throws NetworkError when they fail */
export async function make(
  { ip }: Pick<Bridged, 'ip'>,
  commands: string,
  purpose: string,
  signal?: AbortSignal,
): Promise<void> {
  await ip(commands, signal).catch((cause: unknown) => {
    signal?.throwIfAborted()
    const { message, hint } = notMade(purpose)
    const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : undefined
    throw new NetworkError(message, { cause, stderr, hint })
  })
}

/** Another private network, where the TAP of a visiting guest is created, to be moved here. */
type Home = Pick<Bridged, 'ip'> | undefined

/** The network around a bridge; disposing it runs `disposers`. */
export function bridgedNetwork(bridged: Bridged, disposers: Disposers): Network {
  const { kind, bridge, gateway, mtu, keeper, tapName, mark } = bridged
  const members = new Members(bridgeMac(gateway))
  /** Those that are not on the bridge yet. */
  const coming = new Set<Attachment>()
  let made = 0
  let closed = false
  let kept: number | undefined

  /** @param guestOf the network that QEMU runs on, if it is another */
  const join = async (
    { hostname, address, macAddress }: Member,
    isApart: boolean,
    signal?: AbortSignal,
    guestOf: { readonly id: unknown; readonly home?: Promise<Home> } = { id: keeper.folder },
  ) => {
    // Nobody waits for it when the member is refused here.
    guestOf.home?.catch(() => {})
    const member = { hostname, address, ...(macAddress !== undefined && { macAddress }) }
    members.admit(member, guestOf.id, guestOf.home !== undefined)
    let home: Home
    let tap: string
    try {
      home = await guestOf.home
      tap = home ? visitorName() : tapName(made++)
      const making = tap === bridged.firstTap ? '' : tapCommands(tap, mtu, mark)
      const commands = making + (isApart ? '' : joinCommands(tap, bridge))
      if (commands) await make(home ?? bridged, commands, `create TAP ${tap}`, signal)
      if (!isApart) await bridged.verify?.(tap)
    } catch (error) {
      members.leave(member)
      throw error
    }
    const attachment: Attachment = {
      member,
      tap,
      netdev: `tap,ifname=${tap},script=no,downscript=no`,
      join: async (joinSignal) => {
        if (!isApart) return
        const purpose = `move TAP ${tap} to bridge ${bridge}`
        if (home) await make(home, moveCommands(tap, keeper.pid), purpose, joinSignal)
        isApart = false
        await make(bridged, joinCommands(tap, bridge), purpose, joinSignal)
        await bridged.verify?.(tap)
        coming.delete(attachment)
      },
      [Symbol.asyncDispose]: async () => {
        coming.delete(attachment)
        // A closed network has taken its TAPs with it.
        if (!members.leave(member) || closed) return
        const removing = make((isApart && home) || bridged, removeLinkCommands([tap]), `remove TAP ${tap}`)
        await removing.catch((error: unknown) => {
          // So has the network where this TAP was created, if that is closed, and a keeper that was killed.
          if (home || (kind === 'private' && !existsSync(`/proc/${keeper.pid}`))) return
          // It has already been removed.
          if (error instanceof NetworkError && /Cannot find device/.test(error.stderr ?? '')) return
          throw error
        })
      },
    }
    if (isApart) coming.add(attachment)
    members.arrive(attachment)
    return attachment
  }

  const ready = keeper.ready.then(() => {
    writeNetworkRecord(keeper.folder, { kind, bridge, gateway, keeper: nameOf(keeper.pid), pid: process.pid })
  })
  ready.catch(() => {})
  let parts: readonly Part[] = []
  const heal = async () => {
    if (parts.length === 0) return
    const interfaces = await readInterfaces(keeper)
    await make(bridged, healCommands(parts, members.attachments, interfaces, bridged), 'undo the partition')
    parts = []
  }
  disposers.defer(() => heal().catch(() => {}))

  return {
    kind,
    reason: bridged.reason,
    backend: 'tap',
    bridge,
    ...layoutOf(bridged),
    dhcp: bridged.dhcp,
    get members() {
      return members.all
    },
    get attachments() {
      return members.attachments
    },
    ready,
    stateFolder: keeper.folder,
    socketPath: keeper.socketPath,
    attach: (member, signal) => join(member, false, signal),
    reserve: (member, signal) => join(member, true, signal),
    heal,
    partition: async (...groups) => {
      const places = members.attachments.filter((each) => !coming.has(each))
      const others = members.all.filter((member) => !places.some((each) => each.member === member))
      const wanted = partsOf(
        groups,
        places,
        others.map(({ hostname }) => hostname),
        bridge,
      )
      await heal()
      parts = wanted
      try {
        await make(bridged, partitionCommands(wanted, bridged, mark?.alias), 'partition the network')
      } catch (error) {
        // All or nothing.
        await heal().catch(() => {})
        throw error
      }
    },
    neighbours: (addresses, signal) => askNeighbours(bridged, addresses, signal),
    reserveFor: (home, member, signal) =>
      join(member, true, signal, {
        id: 'then' in home ? home : home.stateFolder,
        home: Promise.resolve(home).then((network) => {
          if (network.kind !== kind) throw tooFar(network.kind, kind)
          if (kind !== 'private' || network.stateFolder === keeper.folder) return undefined
          return { ip: ipInside(network) }
        }),
      }),
    run: (command, options) => runForCaller(keeper, command, options),
    inside: (command) => keeper.inside(command),
    keep: (seconds) => (kept ??= keeper.hold(seconds)),
    dial: async (address, port, signal) => {
      await keeper.ready
      return dialThrough(keeper.socketPath, address, port, signal)
    },
    datagrams: async (address, port, onDatagram) => {
      await keeper.ready
      return dialDatagrams(keeper.socketPath, address, port, onDatagram)
    },
    expose: async (port, server) => {
      await keeper.ready
      return disposers.use(await expose(keeper, gateway, port, server))
    },
    [Symbol.asyncDispose]: async () => {
      if (kept !== undefined) return
      closed = true
      return disposers[Symbol.asyncDispose]()
    },
  }
}
