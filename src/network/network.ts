import type { RequestListener } from 'node:http'
import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dhcp } from './services/dnsmasq.ts'
import type { Datagrams } from './udp/dial-datagrams.ts'
import type { NetworkRunOptions } from './inside/run-inside.ts'
import type { Exposed } from './keeper/expose.ts'
import type { NetworkLayout } from '../options/network/network-options.ts'

/** A machine that is on a network, or about to be. */
export interface Member {
  readonly hostname: string
  /** Undefined for a card without one. */
  readonly address: string | undefined
  /** In lower case; undefined until it is known. */
  readonly macAddress?: string
}

/** A machine's connection to a network: its own TAP on the bridge. */
export interface Attachment extends AsyncDisposable {
  readonly member: Member
  /** The TAP's name; none on a `user` network. */
  readonly tap?: string
  /** QEMU's `-netdev`, all but its ID. */
  readonly netdev: string
  /** The name of a UNIX socket in QEMU's own folder, on which it answers one more QMP client: a `user` network dials through it. */
  readonly monitor?: string
  /** Adds the TAP to the bridge, unless it is already on it. Until then the machine is isolated. */
  join(signal?: AbortSignal): Promise<void>
}

/** How QEMU is connected; a template of one kind cannot be used with the other. */
export type Backend = 'tap' | 'user'

/** A host-only network: a bridge with the host's address on it, and a TAP for each machine. */
export interface Network extends AsyncDisposable, NetworkLayout {
  /**
   * `private`: in a network namespace of its own. `host`: in the namespace that this process is in. `user`: inside QEMU, without
   * a bridge, for one machine.
   */
  readonly kind: 'private' | 'host' | 'user'
  /** Why it is of this kind, when `auto` could not use the first one. */
  readonly reason?: string | undefined
  /** The bridge's name, inside its namespace; none on a `user` network. */
  readonly bridge?: string | undefined
  /** The DHCP server and its leases, with `addressing: 'dhcp'`. */
  readonly dhcp?: Dhcp | undefined
  readonly backend: Backend
  /** The machines that are on it, and those about to join, whose names and addresses are reserved. */
  readonly members: readonly Member[]
  /** The connections of the machines that are on it now. */
  readonly attachments: readonly Attachment[]
  /** Resolves once connections through it work and its folder exists; a network returned by `openNetwork` is ready. */
  readonly ready: Promise<void>
  /** The network's state folder, accessible only to this user; removed with the network. */
  readonly stateFolder: string
  /** A UNIX socket that answers HTTP `CONNECT address:port` from inside the network, for any program. */
  readonly socketPath: string
  /**
   * Attaches one more machine. Its name and address are reserved from the moment of the call.
   * @throws NetworkError when its address or name is already in use.
   */
  attach(member: Member, signal?: AbortSignal): Promise<Attachment>
  /** The same, but isolated from the bridge until `join()`: for a machine that must not use its address yet. */
  reserve(member: Member, signal?: AbortSignal): Promise<Attachment>
  /**
   * Partitions the network into groups of hostnames: guests can reach only those in their own group. Guests in no group, and those that
   * join later, can reach only one another. This process can still reach all of them, and they it. An earlier partition is
   * healed first.
   *
   *     await network.partition(['a'], ['b', 'c'])
   *
   * @throws NetworkError for an unknown name, or that of a guest that is still booting, and on a `user` network.
   */
  partition(...groups: readonly (readonly string[])[]): Promise<void>
  /** Undoes `partition`. */
  heal(): Promise<void>
  /** Resolves these addresses by ARP, and returns the MAC addresses of those that respond. Takes 0.4 s. Empty on a `user` network. */
  neighbours(addresses: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, string>>
  /**
   * The same for one more card of a machine whose QEMU runs on the network `home`, which may be this one, or still be opening. Call
   * `join()` once QEMU has started: until then the card's TAP is on `home`.
   * @throws NetworkError also when the two are of different kinds.
   */
  reserveFor(home: Network | Promise<Network>, member: Member, signal?: AbortSignal): Promise<Attachment>
  /**
   * Runs a program of this host inside the network, where it can reach every guest by address, over TCP, UDP and ICMP. The command is an
   * array of words; no shell is involved. Returns its stdout, without the final newline.
   *
   *     await network.run(['dig', '+short', `@${guest.address}`, 'example.org'])
   *
   * @throws HostError with its stderr when it fails; NetworkError on a `user` network, which cannot be entered
   */
  run(command: readonly string[], options?: NetworkRunOptions): Promise<string>
  /** The command line that runs another one inside the network. */
  inside(command: readonly string[]): [string, ...string[]]
  /**
   * Leaves the network and its machines running when this process ends. Disposing then does nothing.
   * @param seconds after which it ends anyway
   * @returns the id of the process that holds it; killing it ends the network at once
   */
  keep(seconds: number): number
  /** Connects to an address on the network. @throws NetworkError when nothing answers there. */
  dial(address: string, port: number, signal?: AbortSignal): Promise<Duplex>
  /** Exchanges UDP datagrams with a port on the network, from a separate local port. @throws NetworkError on a `user` network */
  datagrams(address: string, port: number, onDatagram: (datagram: Buffer) => void): Promise<Datagrams>
  /**
   * Lets guests connect to a server of this process: an HTTP(S) or TCP server, which need not listen itself, or a request
   * listener. They reach it at `url`, the bridge's own address and the port, until the network is closed at the latest.
   * The server sees no remote address, because connections arrive through a UNIX socket.
   * @throws NetworkError when the port is taken.
   */
  expose(port: number, server: Server | RequestListener): Promise<Exposed>
}
