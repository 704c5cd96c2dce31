import { BootError, CommandError, NetworkError, SshError, type GuestError } from '../../errors.ts'
import { brokenLink } from '../../network/diagnosis/broken-link.ts'
import { firewallBefore } from '../../network/diagnosis/firewall.ts'
import type { Network } from '../../network/network.ts'

interface FailureParts {
  readonly network: Network
  readonly guest: { readonly hostname: string; readonly address: string }
  /** The reason, if this process has unplugged the guest's cable. */
  readonly pulled: () => NetworkError | undefined
}

/** Milliseconds for inspecting the network. */
const BUDGET = 5000

/** Runs work that needs an answer from the guest. If the path to the guest is broken, the error says so at its end. */
export type Explain = <T>(work: () => Promise<T>) => Promise<T>

/** Finds out, if possible, what is wrong with the path to a guest that does not answer. */
export type Why = () => Promise<NetworkError | undefined>

export function findReason({ network, guest, pulled }: FailureParts): Why {
  const look = async () => {
    const signal = AbortSignal.timeout(BUDGET)
    return (
      pulled() ?? (await brokenLink(network, guest.hostname, signal)) ?? (await firewallBefore(network, guest, signal))
    )
  }
  return () => look().catch(() => undefined)
}

export function explainFailure(why: Why): Explain {
  return async (work) => {
    try {
      return await work()
    } catch (error) {
      if (!isSilence(error)) throw error
      const reason = await why()
      // The error may already have it.
      if (!reason || error.message.includes(reason.message)) throw error
      throw Object.assign(error, {
        message: `${error.message}\n${reason.message}`,
        hint: reason.hint,
        cause: error.cause ?? reason,
      })
    }
  }
}

/** A failed command or a closed port is an answer. A plain GuestError means a guest that is off. */
export function isSilence(error: unknown): error is GuestError {
  if (error instanceof CommandError) return error.timedOut === true
  return (
    (error instanceof SshError || error instanceof NetworkError || error instanceof BootError) &&
    !/ECONNREFUSED/.test(error.message)
  )
}
