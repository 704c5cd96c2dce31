import type { Client } from 'ssh2'
import { budgetFactor } from '../host/accelerator.ts'
import type { Disposers } from '../lifetime/disposers.ts'
import type { Phases } from '../lifetime/phases.ts'
import type { Machine } from '../machine/start-machine.ts'
import type { Network } from '../network/network.ts'
import type { GuestSpec } from '../options/guest-options.ts'
import type { Credentials } from '../seed/credentials.ts'
import { exec } from '../ssh/exec.ts'
import { commandFrom } from '../ssh/quote.ts'
import type { Dial } from '../ssh/wait-for-banner.ts'
import type { WakePort } from '../template/waker.ts'
import { rootLogin } from './boot-machine.ts'
import type { Guest } from './guest.ts'
import { History } from './history.ts'
import { writeRecord } from './guest-record.ts'
import { liveClient } from './live-client.ts'
import { openSsh } from './open-ssh.ts'
import { reach } from './reach.ts'
import { see } from './see.ts'
import { Snapshots } from './snapshots.ts'

/** The pieces of a guest that is ready. */
export interface GuestParts {
  readonly spec: GuestSpec
  readonly network: Network
  readonly image: string
  readonly accel: 'kvm' | 'tcg'
  readonly phases: Phases
  readonly warnings: readonly string[]
  readonly machine: Machine
  readonly wake: WakePort
  readonly client: Client
  readonly start: 'warm' | 'cold'
  readonly credentials: Credentials
  readonly macAddress: string
  readonly disposers: Disposers
}

/** Another client is given this long to connect to a guest that is up, in milliseconds. */
const RECONNECT_BUDGET = 30_000

/** A guest that was kept and forgotten goes after this long. */
const KEPT_SECONDS = 3600

export function guestHandle(parts: GuestParts): Guest {
  const { spec, start, network, image, accel, phases, warnings, machine, credentials, macAddress, disposers } = parts
  const { hostname, address, timeouts } = spec
  const clients = new Set([parts.client])
  const { hangUp: hangUpHttp, ...ways } = reach({ network, hostname, address, disposers })
  const hangUp = () => {
    hangUpHttp()
    for (const client of clients) client.end().destroy()
    clients.clear()
  }
  disposers.defer(hangUp)
  const record = writeRecord({ network, hostname, address, image, credentials })
  disposers.defer(() => record[Symbol.dispose]())
  const connectSsh = async () => {
    const dial: Dial = (port, signal) => network.dial(address, port, signal)
    const client = await openSsh(dial, rootLogin(credentials), AbortSignal.timeout(RECONNECT_BUDGET))
    clients.add(client)
    client.once('close', () => clients.delete(client))
    return client
  }
  const ssh = liveClient(parts.client, connectSsh)
  let keptBy: number | undefined
  const history = new History()
  const run: Guest['exec'] = async (command, options) =>
    exec(await ssh.open(), command, { timeout: timeouts.command * budgetFactor(accel), ...options })
  const recorded: Guest['exec'] = (command, options) => history.record(command, () => run(command, options))
  const snapshots = new Snapshots({ machine, wake: parts.wake, accel, exec: run, hangUp })
  return {
    id: record.id,
    sshConfig: record.sshConfig,
    hostname,
    address,
    macAddress,
    rootPassword: credentials.rootPassword,
    credentials,
    network,
    image,
    start,
    accel,
    phases: phases.list,
    warnings,
    console: machine.console,
    get ssh() {
      return ssh.current
    },
    reconnect: () => ssh.open(),
    connectSsh,
    exec: recorded,
    history: history.list,
    $: (strings, ...values) => recorded(commandFrom(strings, values)),
    ...ways,
    ...see({ machine, network, macAddress, exec: run, disposers }),
    snapshot: () => snapshots.take(),
    restore: async (snapshot) => {
      await snapshots.restore(snapshot)
      await ssh.open()
    },
    qmp: (command, args) => machine.qmp.execute(command, args),
    keep: () => {
      keptBy ??= network.keep(KEPT_SECONDS)
      return keptBy
    },
    [Symbol.asyncDispose]: async () => {
      if (keptBy === undefined) await disposers[Symbol.asyncDispose]()
    },
  }
}
