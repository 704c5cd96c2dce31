import { setTimeout as sleep } from 'node:timers/promises'
import { BootError, CommandError, GuestError } from '../../errors.ts'
import { budgetFactor } from '../../accelerator/accelerator.ts'
import { turns } from '../../lifetime/turns.ts'
import type { Qmp } from '../../qmp/qmp.ts'
import { armCommand } from '../../template/identity/resume-agent.ts'
import type { GuestContext } from '../guest-context.ts'
import { reset } from './power.ts'

/** A saved state of a guest. */
export interface Snapshot {
  readonly name: string
  readonly takenAt: Date
}

/** Milliseconds with KVM for each step. */
const BUDGET = 30_000
const BETWEEN_LOOKS = 20

/** A guest's snapshots, kept in the overlay, which vanishes with QEMU. */
export class Snapshots {
  readonly #guest: GuestContext
  readonly #hangUp: () => void
  readonly #taken = new Set<Snapshot>()
  #names = 0
  /** One at a time: there is one resume agent, and QEMU stops meanwhile. */
  readonly #inTurn = turns()

  /** @param hangUp closes every connection to the guest from this side */
  constructor(guest: GuestContext, hangUp: () => void) {
    this.#guest = guest
    this.#hangUp = hangUp
  }

  take(): Promise<Snapshot> {
    return this.#inTurn(() => this.#take())
  }

  restore(snapshot: Snapshot): Promise<void> {
    return this.#inTurn(() => this.#restore(snapshot))
  }

  async #take(): Promise<Snapshot> {
    const { machine, agent, exec } = this.#guest
    const { qmp } = machine
    const snapshot = { name: `snapshot-${++this.#names}`, takenAt: new Date() }
    const armed = agent.armed(this.#budget())
    armed.catch(() => {})
    await exec(armCommand('stay')).catch((cause: unknown) => {
      if (!(cause instanceof CommandError) || cause.timedOut) throw cause
      const why = 'python3 and systemd are needed in the guest to set its clock later'
      throw new BootError(`No snapshot can be taken: ${why}`, { cause })
    })
    await armed
    await qmp.execute('stop')
    try {
      await this.#job('snapshot-save', snapshot.name)
    } finally {
      await qmp.execute('cont')
      // It was stopped, so its clock is slow now.
      await agent.resume(this.#budget())
    }
    this.#taken.add(snapshot)
    return snapshot
  }

  async #restore(snapshot: Snapshot): Promise<void> {
    if (!this.#taken.has(snapshot)) {
      throw new GuestError('This snapshot belongs to another guest', {
        hint: 'Pass a snapshot that guest.snapshot() of the same guest returned.',
      })
    }
    const { machine, agent, runState } = this.#guest
    const { qmp } = machine
    this.#hangUp()
    // Otherwise a guest that powered itself off does not run again.
    if (runState.state === 'off') await reset(machine)
    await qmp.execute('stop')
    await this.#job('snapshot-load', snapshot.name)
    await qmp.execute('cont')
    await agent.hangUp(this.#budget())
    await agent.resume(this.#budget())
  }

  #budget(): AbortSignal {
    return AbortSignal.timeout(BUDGET * budgetFactor(this.#guest.accel))
  }

  async #job(command: 'snapshot-save' | 'snapshot-load', name: string): Promise<void> {
    const { qmp } = this.#guest.machine
    const disk = await nodeOf(qmp, 'disk')
    const id = `${command}-${name}`
    await qmp.execute(command, { 'job-id': id, tag: name, vmstate: disk, devices: [disk] })
    const error = await concluded(qmp, id)
    await qmp.execute('job-dismiss', { id })
    if (error !== undefined) throw new BootError(`QEMU failed to run ${command}: ${error}`, { command })
  }
}

async function nodeOf(qmp: Qmp, device: string): Promise<string> {
  const devices = (await qmp.execute('query-block')) as { device: string; inserted?: { 'node-name': string } }[]
  const node = devices.find((each) => each.device === device)?.inserted?.['node-name']
  if (node === undefined) throw new BootError(`The machine has no ${device}`)
  return node
}

async function concluded(qmp: Qmp, id: string): Promise<string | undefined> {
  for (;;) {
    const jobs = (await qmp.execute('query-jobs')) as { id: string; status: string; error?: string }[]
    const job = jobs.find((each) => each.id === id)
    if (!job || job.status === 'concluded') return job?.error
    await sleep(BETWEEN_LOOKS)
  }
}
