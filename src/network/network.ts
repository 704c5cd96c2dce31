import type { RequestListener } from 'node:http'
import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Exposed } from './expose.ts'
import type { Subnet } from '../options/ipv4.ts'

/** A TAP on the network's bridge, for one machine. */
export interface Tap extends AsyncDisposable {
  readonly name: string
}

/** A host-only network: a bridge with the host's address on it, and a TAP per machine. */
export interface Network extends AsyncDisposable {
  /** `private`: in a network namespace of its own. */
  readonly kind: 'private'
  /** The bridge's name, inside its namespace. */
  readonly bridge: string
  readonly subnet: Subnet
  /** The bridge's own address. */
  readonly gateway: string
  /** The names of the TAPs that are on the bridge now. */
  readonly taps: readonly string[]
  /** Resolves once it can be dialed and its folder is there; what `openNetwork` returns is ready. */
  readonly ready: Promise<void>
  /** The network's own folder, for this user alone; removed with the network. */
  readonly stateFolder: string
  /** A UNIX socket that answers HTTP `CONNECT address:port` from inside the network, for any program. */
  readonly socketPath: string
  addTap(signal?: AbortSignal): Promise<Tap>
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
  /**
   * Lets guests call a server of this process: an HTTP(S) or TCP server, which need not listen anywhere itself, or a request
   * listener. They reach it as `url`, which is the bridge's own address and the port; it ends with the network at the latest.
   * The server sees no remote address, for connections come in through a UNIX socket.
   * @throws NetworkError when the port is taken.
   */
  expose(port: number, server: Server | RequestListener): Promise<Exposed>
}
