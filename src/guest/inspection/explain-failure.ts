import { BootError, CommandError, NetworkError, SshError, type GuestError } from '../../errors.ts'
import { brokenLink } from '../../network/diagnosis/broken-link.ts'
import { firewallBefore } from '../../network/diagnosis/firewall.ts'
import type { Network } from '../../network/network.ts'

interface FailureParts {
  readonly network: Network
  readonly guest: { readonly hostname: string; readonly address: string }
  /** Why not, when this process has pulled the guest's cable. */
  readonly pulled: () => NetworkError | undefined
}

/** Milliseconds that the network is looked at for. */
const BUDGET = 5000

/** Does what needs an answer of the guest. When none came, and the way to the guest is broken, the error says so at its end. */
export type Explain = <T>(work: () => Promise<T>) => Promise<T>

/** What is wrong with the way to a guest that does not answer, as far as can be told. */
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
      // It may have been looked for already.
      if (!reason || error.message.includes(reason.message)) throw error
      throw Object.assign(error, {
        message: `${error.message}\n${reason.message}`,
        hint: reason.hint,
        cause: error.cause ?? reason,
      })
    }
  }
}

/** Whoever says that a command failed, or a port is closed, has answered. A plain GuestError knows of a guest that is off. */
export function isSilence(error: unknown): error is GuestError {
  if (error instanceof CommandError) return error.timedOut === true
  return (
    (error instanceof SshError || error instanceof NetworkError || error instanceof BootError) &&
    !/ECONNREFUSED/.test(error.message)
  )
}
