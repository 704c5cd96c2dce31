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
  /** In lower case; none as long as it is not known. */
  readonly macAddress?: string
}

/** A machine's place on a network: a TAP of its own, on the bridge. */
export interface Attachment extends AsyncDisposable {
  readonly member: Member
  /** The TAP's name; none on a `user` network. */
  readonly tap?: string
  /** QEMU's `-netdev`, all but its ID. */
  readonly netdev: string
  /** Where QEMU shall answer one more QMP client, the name of a UNIX socket in its own folder: a `user` network dials by it. */
  readonly monitor?: string
  /** Puts the TAP on the bridge, if it is not there yet. Until then the machine hears nobody, and nobody hears it. */
  join(signal?: AbortSignal): Promise<void>
}

/** How QEMU is on the network: templates of one are none for the other. */
export type Backend = 'tap' | 'user'

/** A host-only network: a bridge with the host's address on it, and a TAP per machine. */
export interface Network extends AsyncDisposable, NetworkLayout {
  /**
   * `private`: in a network namespace of its own. `host`: in the namespace that this process is in. `user`: inside QEMU, without
   * a bridge, for one machine.
   */
  readonly kind: 'private' | 'host' | 'user'
  /** Why it is of that kind, when `auto` could not take the first one. */
  readonly reason?: string | undefined
  /** The bridge's name, inside its namespace; none on a `user` network. */
  readonly bridge?: string | undefined
  /** Who gives the addresses, with `addressing: 'dhcp'`, and to whom it has. */
  readonly dhcp?: Dhcp | undefined
  readonly backend: Backend
  /** Whose names and addresses are taken: the machines that are on it, and those that are about to be. */
  readonly members: readonly Member[]
  /** The machines that are on it now. */
  readonly attachments: readonly Attachment[]
  /** Resolves once it can be dialed and its folder is there; what `openNetwork` returns is ready. */
  readonly ready: Promise<void>
  /** The network's own folder, for this user alone; removed with the network. */
  readonly stateFolder: string
  /** A UNIX socket that answers HTTP `CONNECT address:port` from inside the network, for any program. */
  readonly socketPath: string
  /**
   * Makes the place for one more machine. Its name and its address are taken from the moment of the call.
   * @throws NetworkError when its address, or its name, is another one's.
   */
  attach(member: Member, signal?: AbortSignal): Promise<Attachment>
  /** The same, but apart from the bridge until its `join()`: for a machine that must not be heard at its address yet. */
  reserve(member: Member, signal?: AbortSignal): Promise<Attachment>
  /**
   * Cuts the network: guests hear those of their own group alone, by their hostnames. Those that are in no group hear one another,
   * and nobody else; so does a guest that comes later. This process goes on to reach all of them, and they it. What was cut before is
   * healed first.
   *
   *     await network.partition(['a'], ['b', 'c'])
   *
   * @throws NetworkError for a name that nobody has, or whose guest still boots, and on a `user` network.
   */
  partition(...groups: readonly (readonly string[])[]): Promise<void>
  /** Undoes `partition`. */
  heal(): Promise<void>
  /** Asks by ARP who has these addresses: the MAC address of each that is answered for. Takes 0.4 s. None on a `user` network. */
  neighbours(addresses: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, string>>
  /**
   * The same for one more card of a machine whose QEMU runs on the network `home`, which may be this one, or still be opened. Its
   * `join()` is for when QEMU has begun: it finds the card's TAP at home.
   * @throws NetworkError also when the two are of different kinds.
   */
  reserveFor(home: Network | Promise<Network>, member: Member, signal?: AbortSignal): Promise<Attachment>
  /**
   * Runs a program of this host inside the network, where it reaches every guest by its address, by TCP, UDP and ICMP: from a list of words,
   * without a shell, to its end. Returns what it wrote to stdout, without the last line end.
   *
   *     await network.run(['dig', '+short', `@${guest.address}`, 'example.org'])
   *
   * @throws HostError with its stderr when it fails; NetworkError on a `user` network, which has no inside
   */
  run(command: readonly string[], options?: NetworkRunOptions): Promise<string>
  /** The command line that runs another one inside the network. */
  inside(command: readonly string[]): [string, ...string[]]
  /**
   * Leaves the network, and the machines on it, up when this process ends; disposing does nothing any more.
   * @param seconds after which it goes all the same
   * @returns the id of the process that holds it; when that one is ended, the network goes at once
   */
  keep(seconds: number): number
  /** Connects to an address on the network. @throws NetworkError when nothing answers there. */
  dial(address: string, port: number, signal?: AbortSignal): Promise<Duplex>
  /** Datagrams (UDP) to and from a port on the network, by a port of their own there. @throws NetworkError on a `user` network */
  datagrams(address: string, port: number, onDatagram: (datagram: Buffer) => void): Promise<Datagrams>
  /**
   * Lets guests call a server of this process: an HTTP(S) or TCP server, which need not listen anywhere itself, or a request
   * listener. They reach it as `url`, which is the bridge's own address and the port; it ends with the network at the latest.
   * The server sees no remote address, for connections come in through a UNIX socket.
   * @throws NetworkError when the port is taken.
   */
  expose(port: number, server: Server | RequestListener): Promise<Exposed>
}
