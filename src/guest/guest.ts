import type { Client } from 'ssh2'
import type { Phase } from '../lifetime/phases.ts'
import type { Console } from '../machine/console.ts'
import type { Panic } from '../machine/panics.ts'
import type { Credentials } from '../seed/credentials.ts'
import type { Link } from './link.ts'
import type { Commands } from './commands.ts'
import type { Interface } from './network/interface.ts'
import type { Files } from './files.ts'
import type { GuestNetwork } from './network/guest-network.ts'
import type { Connectivity } from './connection/connectivity.ts'
import type { Inspection } from './inspection/inspection.ts'
import type { Power } from './power/power.ts'
import type { Snapshot } from './power/snapshots.ts'
import type { Waits } from './wait/waits.ts'

/** A Linux machine of your own, booted and ready. Disposing it cuts the power and discards its disk. */
export interface Guest extends AsyncDisposable, Commands, Files, Power, Connectivity, Inspection, Waits {
  /** Six letters that identify it among the guests running on this host, as in `vitest-guest ssh ID`. */
  readonly id: string
  readonly hostname: string
  /** Its static IPv4 address on the network. */
  readonly address: string
  /** Its static IPv6 address, on a network with `subnet6`. */
  readonly address6: string | undefined
  readonly macAddress: string
  /** Its network cards, each with what the guest calls it. Tests reach the guest through the first. */
  readonly interfaces: readonly Interface[]
  readonly rootPassword: string
  /** The keys of this guest: the client key, and the host key that every connection is pinned to. */
  readonly credentials: Credentials
  /**
   * Path of an ssh_config(5) with which OpenSSH, rsync or Ansible can reach the guest as the host `guest.id`, as root and without a
   * password, from any process of this user: `ssh -F ${guest.sshConfig} ${guest.id}`. It is removed with the guest.
   */
  readonly sshConfig: string
  /** The network it is on: its own, unless one was passed. */
  readonly network: GuestNetwork
  /** Its network cable, which can be unplugged, or made slow and lossy. */
  readonly link: Link
  /** What it was booted from, e.g. `debian-12`. */
  readonly image: string
  /** `warm` if it was cloned from a template, `cold` if it was booted. */
  readonly started: 'warm' | 'cold'
  readonly accel: 'kvm' | 'tcg'
  /** The phases of its start, with their durations. */
  readonly phases: readonly Phase[]
  /** What cloud-init reported as failed. */
  readonly warnings: readonly string[]
  /** The first serial port: the guest's output, and a way to type input. */
  readonly console: Console
  /** The panics of its kernel so far, most recent last. */
  readonly panics: readonly Panic[]
  /** The connected ssh2 client, as root. */
  readonly ssh: Client
  /**
   * The connected client: `ssh` itself, or a new one to replace it if it has ended. If the guest is rebooting, this waits for it as for
   * its first boot.
   * @throws GuestError when the guest is off; BootError when it is booting and not ready in time.
   */
  reconnect(): Promise<Client>
  /** Opens another client connection, which ends with the guest at the latest. */
  connectSsh(): Promise<Client>
  /**
   * Saves the state of the machine, RAM and disk, to return to later. The machine is paused meanwhile, for a second or two under emulation;
   * connections survive. A snapshot takes as much space in the temporary folder as the guest uses memory, and is removed with
   * the guest.
   * @throws BootError when the state of a device cannot be saved, or python3 is missing in the guest.
   */
  snapshot(): Promise<Snapshot>
  /**
   * Returns the machine to a snapshot; this can be repeated. Its clock is then set to the host's and its entropy pool is
   * reseeded. All connections to it end, and `ssh` is a new client.
   * @throws GuestError when the snapshot belongs to another guest.
   */
  restore(snapshot: Snapshot): Promise<void>
  /**
   * Leaves the guest and its network running when this process ends, for an hour at most, for inspection with
   * `vitest-guest ssh`. Disposing then does nothing.
   * @returns the id of the process that holds both; killing it ends them at once
   */
  keep(): number
  /** Sends QEMU a QMP command and returns its answer. @throws HostError when QEMU refuses. */
  qmp(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>
}
