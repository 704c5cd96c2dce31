import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import { budgetFactor } from '../accelerator/accelerator.ts'
import type { Disposers } from '../lifetime/disposers.ts'
import { holding } from '../lifetime/hold.ts'
import { timerMs } from '../lifetime/longest-timer.ts'
import type { Phases } from '../lifetime/phases.ts'
import type { Machine } from '../machine/start-machine.ts'
import { address6In } from '../address/ipv6.ts'
import type { GuestSpec } from '../options/guest-options.ts'
import type { Credentials } from '../seed/credentials.ts'
import type { ResumeAgentPort } from '../template/identity/resume-agent.ts'
import { farewell } from './attendants.ts'
import { bootBudget, rootLogin } from './start/boot-machine.ts'
import { commands, runIn } from './commands.ts'
import { Connections } from './connection/connections.ts'
import { explainFailure, findReason } from './inspection/explain-failure.ts'
import { files } from './files.ts'
import type { Interface } from './network/interface.ts'
import { endWithProcess } from './forgotten.ts'
import type { Guest } from './guest.ts'
import { writeRecord } from './registry/guest-record.ts'
import { RunState } from './power/run-state.ts'
import { link } from './link.ts'
import { notePending } from './wait/note-pending.ts'
import { forget } from './wait/pending.ts'
import { power } from './power/power.ts'
import { connectivity } from './connection/connectivity.ts'
import type { RegisteredNetwork } from './network/guest-registry.ts'
import { inspection } from './inspection/inspection.ts'
import { Snapshots } from './power/snapshots.ts'
import { whyElsewhere } from './network/address-conflict.ts'
import { waits } from './wait/waits.ts'

/** The parts of a guest that is ready. */
export interface GuestParts {
  readonly spec: GuestSpec
  readonly network: RegisteredNetwork
  readonly image: string
  readonly accel: 'kvm' | 'tcg'
  readonly phases: Phases
  readonly warnings: readonly string[]
  readonly machine: Machine
  readonly agent: ResumeAgentPort
  readonly client: Client
  readonly start: 'warm' | 'cold'
  readonly credentials: Credentials
  readonly macAddress: string
  readonly interfaces: readonly Interface[]
  /** Where in the caller's code it was started. */
  readonly startedAt: string | undefined
  readonly disposers: Disposers
}

/** A kept guest ends after this long. */
const KEPT_SECONDS = 3600

export function guestHandle(parts: GuestParts): Guest {
  const { spec, start, network, image, accel, phases, warnings, machine, credentials, macAddress, disposers } = parts
  const { hostname, address, timeouts } = spec
  const runState = new RunState(machine)
  const boot = bootBudget(spec, accel)
  const dial: Guest['connect'] = async (port, signal) => {
    runState.requireRunning()
    return network.dial(address, port, signal)
  }
  const elsewhere = async (signal: AbortSignal) =>
    cable.pulled() ?? (await whyElsewhere(network, { hostname, address, macAddress }, signal))
  const ssh = new Connections({ machine, runState, dial, login: rootLogin(credentials), elsewhere, boot }, parts.client)
  const why = findReason({ network, guest: { hostname, address }, pulled: () => cable.pulled() })
  const explain = explainFailure(why)
  const streams = new Set<Duplex>()
  const connect: Guest['connect'] = async (port, signal) => {
    const stream = await explain(() => dial(port, signal))
    streams.add(stream)
    return stream.once('close', () => streams.delete(stream))
  }
  const requireThere = () => {
    if (runState.state === 'ended') runState.requireRunning()
  }
  /** Nobody else closes connections to a machine that is gone or was restored. */
  const hangUpStreams = () => {
    hangUpHttp()
    for (const stream of streams) stream.destroy()
  }
  runState.onLost(hangUpStreams)
  const hangUp = () => {
    hangUpStreams()
    ssh.hangUp()
  }
  disposers.defer(hangUp)
  const tap = network.attachments.find(({ member }) => member.hostname === hostname)?.tap
  const record = writeRecord({ network, hostname, address, image, tap, credentials })
  disposers.defer(() => record[Symbol.dispose]())
  const { writeSshConfig } = record
  const { hangUp: hangUpHttp, ...ways } = connectivity({
    hostname,
    address,
    connect,
    datagrams: (port, onDatagram) => network.datagrams(address, port, onDatagram),
    writeSshConfig,
    requireThere,
    disposers,
  })
  let keptBy: number | undefined
  const run = runIn({ open: () => ssh.open(), timeout: timeouts.command * budgetFactor(accel), explain })
  const welcomeBack = () => network.registry.welcomeBack(hostname)
  const powers = power({ machine, runState, budget: boot.budget, exec: run, open: () => ssh.open() })
  const cable = link({ machine, network, hostname, exec: run })
  const snapshots = new Snapshots({
    machine,
    agent: parts.agent,
    accel,
    exec: run,
    hangUp,
    isOff: () => runState.state === 'off',
  })
  disposers.defer(() => forget(record.id))
  const forgotten = endWithProcess({
    hostname,
    startedAt: parts.startedAt,
    dispose: () => disposers[Symbol.asyncDispose](),
  })
  disposers.defer(() => forgotten[Symbol.dispose]())
  let isLeaving = false
  const guest: Guest = notePending({
    id: record.id,
    sshConfig: record.sshConfig,
    hostname,
    address,
    address6: network.subnet6 && address6In(network.subnet6, address),
    macAddress,
    interfaces: parts.interfaces,
    rootPassword: credentials.rootPassword,
    credentials,
    network,
    link: cable.link,
    image,
    started: start,
    accel,
    get state() {
      return runState.state
    },
    phases: phases.list,
    warnings,
    console: machine.console,
    panics: machine.panics.list,
    get ssh() {
      return ssh.current
    },
    reconnect: () => ssh.open(),
    connectSsh: () => ssh.connect(),
    ...commands({ id: record.id, exec: run, open: () => ssh.open(), explain }),
    ...files({ open: () => ssh.open(), stallMs: timerMs(timeouts.command * budgetFactor(accel)), explain }),
    ...ways,
    ...inspection({ machine, network, macAddress, exec: run, disposers }),
    snapshot: async () => {
      runState.requireRunning()
      return snapshots.take()
    },
    restore: async (snapshot) => {
      await cable.plugIn()
      await snapshots.restore(snapshot)
      runState.powered(false)
      await ssh.open()
      await cable.reapply()
      await welcomeBack()
    },
    ...powers,
    reboot: async (options) => {
      await explain(() => powers.reboot(options))
      await cable.reapply()
      await network.registry.introduce()
    },
    start: async (options) => {
      await explain(() => powers.start(options))
      await cable.reapply()
      await welcomeBack()
    },
    ...waits({
      id: record.id,
      exec: run,
      connect: dial,
      console: machine.console,
      panics: machine.panics,
      accel,
      runState,
      why,
      explain,
    }),
    qmp: (command, args) => machine.qmp.execute(command, args),
    keep: () => {
      keptBy ??= network.keep(KEPT_SECONDS)
      forgotten[Symbol.dispose]()
      return keptBy
    },
    [Symbol.asyncDispose]: async () => {
      if (keptBy !== undefined) return
      if (!isLeaving) {
        isLeaving = true
        await farewell(guest)
      }
      await disposers[Symbol.asyncDispose]()
    },
  })
  return holding(guest)
}
