import type { Client } from 'ssh2'
import { SshError } from '../../errors.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import { Phases } from '../../lifetime/phases.ts'
import { until } from '../../lifetime/until.ts'
import type { Machine } from '../../machine/start-machine.ts'
import type { Login } from '../../ssh/connect.ts'
import { exec } from '../../ssh/command/exec.ts'
import type { Dial } from '../../ssh/wait-for-banner.ts'
import { withinBudget } from '../start/boot-machine.ts'
import type { RunState } from '../power/run-state.ts'
import { liveClient } from './live-client.ts'
import { openSsh } from './open-ssh.ts'
import { setClock } from '../power/set-clock.ts'
import { waitForCloudInit } from '../boot/cloud-init.ts'
import type { Duplex } from 'node:stream'

interface ConnectionParts {
  readonly machine: Machine
  readonly runState: RunState
  readonly dial: Dial
  readonly login: Login
  /** Why the guest does not answer, if its network shows that. */
  readonly elsewhere: (signal: AbortSignal) => Promise<Error | undefined>
  /** The limit of a boot, and how long sshd may be silent after it, in milliseconds. */
  readonly boot: { readonly budget: number; readonly grace: number }
}

/** Milliseconds without an answer after which the network is inspected. */
const SUSPICIOUS = 3000
/** Milliseconds for another client to connect to a running guest. */
const RECONNECT_BUDGET = 30_000
/** Milliseconds for a guest to say whether it is shutting down; one that hangs does not. */
const SETTLE_BUDGET = 5000

/** The SSH clients of a guest. They end with each run of it; a new one waits until the next run is ready. */
export class Connections {
  readonly #parts: ConnectionParts
  readonly #clients = new Set<Client>()
  readonly #live: ReturnType<typeof liveClient>
  #booting: Promise<Client> | undefined
  #settling: Promise<Client> | undefined

  constructor(parts: ConnectionParts, first: Client) {
    this.#parts = parts
    this.#clients.add(first)
    this.#live = liveClient(first, () => this.connect())
    parts.runState.onLost(() => {
      this.hangUp()
      this.#live.trust()
    })
  }

  get current(): Client {
    return this.#live.current
  }

  /** The current client, or a new one in its place; not one that a shutdown is about to end, if that can be known. */
  async open(): Promise<Client> {
    const client = await this.#live.open()
    if (this.#live.isTrusted && !this.#settling) return client
    this.#settling ??= this.#settle(client).finally(() => (this.#settling = undefined))
    return this.#settling
  }

  /** Opens another client. Waits for a guest that reboots. @throws GuestError when it is off; BootError when it is not ready in time */
  async connect(): Promise<Client> {
    const { runState } = this.#parts
    for (;;) {
      // Not awaited for a guest that is off, so that the error's stack has the caller's line.
      if (runState.state === 'panicked') await runState.leavePanic(this.#parts.boot.budget)
      runState.requireRunning()
      const { run, isBooting } = runState
      try {
        if (!isBooting) return await this.#reconnect(run)
        const isMine = this.#booting === undefined
        this.#booting ??= this.#boot(run).finally(() => (this.#booting = undefined))
        const client = await this.#booting
        if (isMine) return client
      } catch (error) {
        // A reset in the meantime began another boot: wait for that.
        if (!run.aborted) throw error
      }
    }
  }

  hangUp(): void {
    for (const client of this.#clients) hangUp(client)
    this.#clients.clear()
  }

  async #login(signal: AbortSignal, answered?: () => void): Promise<Client> {
    const { dial, login } = this.#parts
    const client = await openSsh(dial, login, signal, undefined, answered)
    this.#clients.add(client)
    client.once('close', () => this.#clients.delete(client))
    return client
  }

  async #reconnect(run: AbortSignal): Promise<Client> {
    const { elsewhere, machine } = this.#parts
    using limit = new Deadline(RECONNECT_BUDGET, { signal: run, late: () => noSshd(machine.console.tail) })
    const look = () => elsewhere(limit.signal).catch(() => undefined)
    const suspicion = setTimeout(() => void look().then((why) => why && limit.abort(why)), SUSPICIOUS)
    try {
      return await this.#login(limit.signal)
    } catch (error) {
      if (limit.signal.aborted) throw error
      // It may be another machine's sshd, with another key.
      throw (await look()) ?? error
    } finally {
      clearTimeout(suspicion)
    }
  }

  async #boot(run: AbortSignal): Promise<Client> {
    const { machine, runState, boot } = this.#parts
    const phases = new Phases()
    const limits = { machine, phases, ...boot, signal: run, since: runState.bootedAt }
    const client = await withinBudget(limits, async (limit, answered) => {
      const fresh = await phases.run('ssh', () => this.#login(limit, answered))
      await phases.run('cloud-init', () => waitForCloudInit(fresh, limit))
      await phases.run('clock', () => setClock(fresh, limit))
      return fresh
    })
    run.throwIfAborted()
    runState.isBooting = false
    return client
  }

  /** For a client that may be about to end: returns it if it stays, otherwise waits for its end. */
  async #settle(client: Client): Promise<Client> {
    const { runState, boot } = this.#parts
    const { run } = runState
    this.#live.trust()
    if (!(await isGoingDown(client))) return client
    using patience = new Deadline(boot.budget, { signal: run })
    await until(patience.signal, new Promise(() => {})).catch(() => {})
    this.hangUp()
    return await this.#live.open()
  }
}

function noSshd(consoleTail: string): SshError {
  return new SshError(`No sshd answered within ${RECONNECT_BUDGET / 1000} s`, {
    consoleTail,
    hint: "Did the test stop sshd, or the guest's network?",
  })
}

/** Also true when it is already gone. */
async function isGoingDown(client: Client): Promise<boolean> {
  try {
    const { stdout } = await exec(client, 'systemctl is-system-running', { reject: false, timeout: SETTLE_BUDGET })
    return stdout === 'stopping'
  } catch {
    return true
  }
}

/** Closes a connection at once. ssh2's destroy() does nothing after end() (1.17, lib/client.js), which a dead guest never answers. */
function hangUp(client: Client): void {
  const { _sock: socket } = client as { _sock?: Duplex }
  client.end()
  socket?.destroy()
}
