import { setTimeout as sleep } from 'node:timers/promises'
import { BootError, CommandError, SshError } from '../../errors.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import { until } from '../../lifetime/until.ts'
import type { Machine } from '../../machine/start-machine.ts'
import type { GuestContext } from '../guest-context.ts'
import type { GuestState } from './run-state.ts'

export interface PowerOptions {
  /** Aborts the wait; the guest continues what it was told to do. */
  signal?: AbortSignal
}

/** Power control of a guest. Each boot may take as long as the first one (`timeouts.boot`), and fails for the same reasons. */
export interface Power {
  /**
   * `running`, also while it boots; `panicked`: its kernel has panicked; `off`: it has powered off, or its power was cut, and its disk is
   * kept; `ended`: QEMU has exited, and the disk is gone.
   */
  readonly state: GuestState
  /**
   * Reboots the guest cleanly and waits until it is ready again, with `ssh` a new client. A new /proc/sys/kernel/random/boot_id proves
   * the reboot. If the guest reboots for another reason, call `reconnect()` instead.
   * @throws BootError when it is not ready in time, panics, or powers itself off instead.
   */
  reboot(options?: PowerOptions): Promise<void>
  /**
   * Shuts the guest down cleanly and waits until it is off. Does nothing if it is already off.
   * @throws BootError when it is not off within `timeouts.boot`.
   */
  powerOff(options?: PowerOptions): Promise<void>
  /**
   * Cuts the power: whatever the guest has not written to its disk is lost, and every connection hangs. What it has written is kept,
   * even if it was not flushed. Does nothing if it is already off.
   */
  crash(): Promise<void>
  /**
   * Boots the guest from its disk and waits until it is ready, with `ssh` a new client. Does nothing if it is running.
   * @throws BootError when it is not ready in time, or panics; GuestError when QEMU has exited.
   */
  start(options?: PowerOptions): Promise<void>
}

const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id'
const BETWEEN_LOOKS = 10

/** Keeps QEMU when the guest powers itself off (`set-action`: QEMU 6.0). Call it after the boot: a power-off before that should end QEMU. */
export async function keepWhenOff({ qmp }: Machine): Promise<void> {
  await qmp.execute('set-action', { shutdown: 'pause' })
}

/** @param budget milliseconds for a boot, and for a clean shutdown */
export function power({ machine, runState, exec, open }: GuestContext, budget: number): Omit<Power, 'state'> {
  const { qmp, console } = machine

  const over = async (what: string, signal: AbortSignal | undefined, act: () => Promise<unknown>) => {
    const { run } = runState
    using limit = new Deadline(budget, { signal })
    const ended = new Promise<void>((resolve) => run.addEventListener('abort', () => resolve(), { once: true }))
    try {
      await until(limit.signal, Promise.race([act(), ended]))
      await until(limit.signal, ended)
      if (runState.state === 'panicked') runState.requireRunning()
    } catch (error) {
      if (!limit.isLate) throw error
      throw new BootError(`The guest did not ${what} within ${Math.round(budget / 1000)} s`, {
        consoleTail: console.tail,
        hint: 'A service that does not stop is the usual cause; guest.crash() cuts the power.',
      })
    }
  }
  /** The command succeeds if its connection is lost. */
  const tell = (command: string) => async () => {
    await exec(command).catch((error: unknown) => {
      if (!(error instanceof SshError) && !isKilled(error)) throw error
    })
  }

  return {
    reboot: async ({ signal } = {}) => {
      signal?.throwIfAborted()
      const before = (await exec(BOOT_ID, signal && { cancelSignal: signal })).stdout
      await over('shut down for a reboot', signal, tell('reboot'))
      if (runState.state !== 'running') {
        throw new BootError('The guest powered itself off instead of rebooting', { consoleTail: console.tail })
      }
      await until(signal, open())
      const after = (await exec(BOOT_ID, signal && { cancelSignal: signal })).stdout
      if (after === before) throw new BootError(`The guest was reset, but its boot_id did not change (${before})`)
    },
    powerOff: async ({ signal } = {}) => {
      const isOff = () => runState.state === 'off'
      if (isOff()) return
      await over('power off', signal, tell('poweroff'))
      if (!isOff()) {
        throw new BootError('The guest was reset instead of powering off', { consoleTail: console.tail })
      }
    },
    crash: async () => {
      if (runState.state === 'off') return
      runState.requireThere()
      await qmp.execute('stop')
      runState.cut()
    },
    start: async ({ signal } = {}) => {
      signal?.throwIfAborted()
      if (runState.state === 'off') {
        await reset(machine)
        runState.powered(true)
        await qmp.execute('cont')
      }
      await until(signal, open())
    },
  }
}

/** By the shutdown that it started. */
function isKilled(error: unknown): boolean {
  return error instanceof CommandError && error.signal !== undefined
}

/** As at power-on. QEMU resets a moment after the command; only then may the machine run. */
export async function reset({ qmp }: Machine): Promise<void> {
  await qmp.execute('system_reset')
  for (;;) {
    const { status } = (await qmp.execute('query-status')) as { status: string }
    if (status === 'prelaunch') return
    await sleep(BETWEEN_LOOKS)
  }
}
