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

/** A Linux machine that nobody else uses, booted and ready. Disposing cuts its power and forgets its disk. */
export interface Guest extends AsyncDisposable, Commands, Files, Power, Connectivity, Inspection, Waits {
  /** Six letters that name it among the guests running on this host, as in `vitest-guest ssh ID`. */
  readonly id: string
  readonly hostname: string
  /** Its static IPv4 address on the network. */
  readonly address: string
  /** Its static IPv6 address, on a network with `subnet6`. */
  readonly address6: string | undefined
  readonly macAddress: string
  /** Its further cards. */
  readonly interfaces: readonly Interface[]
  readonly rootPassword: string
  /** Keys of this guest: the client's, and the host key that every connection is pinned to. */
  readonly credentials: Credentials
  /**
   * Path of an ssh_config(5) by which OpenSSH, rsync or Ansible reach it as the host `guest.id`, as root and without a
   * password, from any process of this user: `ssh -F ${guest.sshConfig} ${guest.id}`. It goes with the guest.
   */
  readonly sshConfig: string
  /** The network it is on; its own, unless one was given. */
  readonly network: GuestNetwork
  /** Its cable: to be pulled, or made slow and lossy. */
  readonly link: Link
  /** What it was booted from, e.g. `debian-12`. */
  readonly image: string
  /** `warm`: it is the clone of a template. */
  readonly started: 'warm' | 'cold'
  readonly accel: 'kvm' | 'tcg'
  /** The phases of its start, with their times. */
  readonly phases: readonly Phase[]
  /** What cloud-init reported as failed. */
  readonly warnings: readonly string[]
  /** The first serial port: what the guest wrote to it, and a way to write back. */
  readonly console: Console
  /** The panics of its kernel so far, the latest last. */
  readonly panics: readonly Panic[]
  /** The connected ssh2 client, as root. */
  readonly ssh: Client
  /**
   * The connected client: `ssh` itself, or a new one in its place when that one has ended. A guest that is rebooting is waited
   * for, as for its first boot.
   * @throws GuestError when the guest is off; BootError when it is booting and not ready in time.
   */
  reconnect(): Promise<Client>
  /** Another connected client; ended with the guest at the latest. */
  connectSsh(): Promise<Client>
  /**
   * Keeps the machine as it is now, RAM and disk, to come back to. It stands still meanwhile: a second or two under emulation;
   * connections survive that. A snapshot takes as much of the temporary folder as the guest uses of its memory, and goes with
   * the guest.
   * @throws BootError when a device of the machine cannot be kept, or python3 or systemd is missing in the guest.
   */
  snapshot(): Promise<Snapshot>
  /**
   * Takes the machine back to a snapshot, as often as wanted. Its clock is then set to the host's and its entropy pool is
   * fed anew; every connection to it has ended, and `ssh` is a new client.
   * @throws GuestError when the snapshot is another guest's.
   */
  restore(snapshot: Snapshot): Promise<void>
  /**
   * Leaves the guest and its network up when this process ends, for an hour at most, to be looked at with
   * `vitest-guest ssh`; disposing does nothing any more.
   * @returns the id of the process that holds both; when that one is ended (`kill`), they go at once
   */
  keep(): number
  /** Sends QEMU a QMP command and returns its answer. @throws HostError when QEMU refuses. */
  qmp(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>
}
