import { HostError } from '../../errors.ts'
import { hasCapability } from './has-capability.ts'
import { messageOf } from '../message-of.ts'
import { run } from '../program/run.ts'
import { requireTool } from '../program/tools.ts'

const CAP_NET_ADMIN = 12
/** Deletes a route that does not exist, which only those who may change interfaces are allowed to try. */
const NOTHING = ['route', 'delete', 'blackhole', '192.0.2.1', 'table', '4242']
/** Milliseconds; sudo may have to ask a directory service who this is. */
const SUDO_BUDGET = 10_000

/**
 * The first words of a command line with which this user may change the interfaces of this network namespace: `ip` itself with
 * CAP_NET_ADMIN, else `sudo -n ip`.
 * @throws HostError when neither works
 */
export async function requireAdmin(): Promise<[string, ...string[]]> {
  const ip = requireTool('ip')
  if (hasCapability(CAP_NET_ADMIN) && (await isForThisNamespace(ip))) return [ip]
  try {
    await run('sudo', ['-n', ip, '-Version'], { timeoutMs: SUDO_BUDGET })
  } catch (cause) {
    const stderr = cause instanceof HostError ? cause.stderr?.trim() : undefined
    const why = stderr?.split('\n')[0] || messageOf(cause)
    throw new HostError(`This user cannot create interfaces on the host: ${why}`, {
      cause,
      hint: "Allow `ip` by passwordless sudo (NOPASSWD), grant CAP_NET_ADMIN, or use network: 'private', which needs neither.",
    })
  }
  return ['sudo', '-n', ip]
}

/** Root of a user namespace has every capability, but none over a network namespace that was created outside of it. */
async function isForThisNamespace(ip: string): Promise<boolean> {
  const refusal = await run(ip, NOTHING).then(
    () => '',
    (error: unknown) => (error instanceof HostError ? error.stderr : ''),
  )
  return !/Operation not permitted/.test(refusal ?? '')
}
