import type { Duplex } from 'node:stream'
import { budgetFactor } from '../accelerator/accelerator.ts'
import { holding } from '../lifetime/hold.ts'
import { timerMs } from '../lifetime/longest-timer.ts'
import { address6In } from '../address/ipv6.ts'
import { farewell } from './attendants.ts'
import { bootBudget, rootLogin, type Start } from './start/boot-machine.ts'
import type { Started } from './start/started.ts'
import { commands, runIn, type CommandParts } from './commands.ts'
import { Connections } from './connection/connections.ts'
import { explainFailure, findReason } from './inspection/explain-failure.ts'
import { files } from './files.ts'
import { endWithProcess } from './forgotten.ts'
import type { Guest } from './guest.ts'
import type { GuestContext } from './guest-context.ts'
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

export interface GuestParts
  extends Started, Pick<Start, 'spec' | 'accel' | 'phases' | 'disposers'>, Pick<CommandParts, 'onCommand'> {
  readonly network: RegisteredNetwork
  readonly image: string
  /** The caller's line that started it. */
  readonly startedAt: string | undefined
}

const KEPT_SECONDS = 3600

export function guestHandle(parts: GuestParts): Guest {
  const { spec, start, network, image, accel, phases, warnings, machine, credentials, macAddress, disposers } = parts
  const { hostname, address, timeouts } = spec
  const commandTimeout = timeouts.command * budgetFactor(accel)
  const runState = new RunState(machine)
  const boot = bootBudget(spec, accel)
  const dial: Guest['connect'] = async (port, signal) => {
    runState.requireRunning()
    return network.dial(address, port, signal)
  }
  const elsewhere = async (signal: AbortSignal) =>
    cable.pulled() ?? (await whyElsewhere(network, { hostname, address, macAddress }, signal))
  const ssh = new Connections({ machine, runState, dial, login: rootLogin(credentials), elsewhere, boot }, parts.client)
  const open = () => ssh.open()
  const why = findReason({ network, guest: { hostname, address }, pulled: () => cable.pulled() })
  const explain = explainFailure(why)
  const streams = new Set<Duplex>()
  const connect: Guest['connect'] = async (port, signal) => {
    const stream = await explain(() => dial(port, signal))
    streams.add(stream)
    return stream.once('close', () => streams.delete(stream))
  }
  /** Nothing else closes connections to a machine that is gone or was restored. */
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
  const { id, sshConfig, writeSshConfig } = record
  disposers.defer(() => record[Symbol.dispose]())
  const exec = runIn(open, commandTimeout, explain)
  const context: GuestContext = { ...parts, id, hostname, address, runState, exec, open, why, explain }
  const { hangUp: hangUpHttp, ...ways } = connectivity({ ...context, connect, writeSshConfig })
  const powers = power(context, boot.budget)
  const cable = link(context)
  const snapshots = new Snapshots(context, hangUp)
  disposers.defer(() => forget(id))
  const dispose = () => disposers[Symbol.asyncDispose]()
  const forgotten = endWithProcess({ hostname, startedAt: parts.startedAt, dispose })
  disposers.defer(() => forgotten[Symbol.dispose]())
  let keptBy: number | undefined
  let isLeaving = false
  const guest: Guest = notePending({
    id,
    sshConfig,
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
    reconnect: open,
    connectSsh: () => ssh.connect(),
    ...commands(context),
    ...files(context, timerMs(commandTimeout)),
    ...ways,
    ...inspection(context),
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
      await network.registry.welcomeBack(hostname)
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
      await network.registry.welcomeBack(hostname)
    },
    ...waits(context, dial),
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
      await dispose()
    },
  })
  return holding(guest)
}
