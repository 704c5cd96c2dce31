import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCapability } from './has-capability.ts'

const CAP_NET_ADMIN = 12
const CAP_SYS_ADMIN = 21

/** Whether a network namespace requires a user namespace first: not for root, nor in a container with enough capabilities. */
export function needsUserNamespace(): boolean {
  return !hasCapability(CAP_NET_ADMIN) || !hasCapability(CAP_SYS_ADMIN)
}

/** Whether an ordinary user may create a user namespace here. */
export function mayMakeUserNamespace(settings: NamespaceSettings = readSettings()): boolean {
  const { forbiddenLimits, restrictedByAppArmor, cloneForbidden } = settings
  return !forbiddenLimits.includes('user.max_user_namespaces') && !restrictedByAppArmor && !cloneForbidden
}

/** The namespaces of a private network, apart from its user namespace. */
export const NAMESPACES = ['--net', '--pid', '--fork', '--kill-child']

/** The flags of unshare(1) for a namespace like a private network's. */
export function namespaceFlags(): string[] {
  return [...(needsUserNamespace() ? ['--user', '--map-root-user'] : []), ...NAMESPACES]
}

/** The kernel's settings that decide whether we get a namespace. */
export interface NamespaceSettings {
  /** The `user.max_*_namespaces` that are 0. */
  readonly forbiddenLimits: readonly string[]
  /** `kernel.apparmor_restrict_unprivileged_userns`: Ubuntu >= 23.10 sets it. */
  readonly restrictedByAppArmor: boolean
  /** `kernel.unprivileged_userns_clone=0`: Debian <= 10 and hardened kernels. */
  readonly cloneForbidden: boolean
  readonly inContainer: boolean
}

/**
 * Turns what unshare(1) wrote to stderr into a cause and what to do about it.
 *
 * The kernel only says ENOSPC or EPERM (unshare(2)); its settings tell the causes apart.
 */
export function explainNamespaceFailure(
  stderr: string,
  settings: NamespaceSettings = readSettings(),
): { message: string; hint: string } {
  const { forbiddenLimits, restrictedByAppArmor, cloneForbidden, inContainer } = settings
  const because = (why: string, hint: string) => ({
    message: `No namespace can be created for the network${why}`,
    hint,
  })
  if (/failed to execute/.test(stderr)) {
    return {
      message: 'The namespaces were created, but the program inside them cannot be started',
      hint: 'Its file and every folder above it must be readable by this user.',
    }
  }
  if (/unrecognized option/.test(stderr)) return because(': unshare is too old', 'util-linux 2.33 or newer is needed.')
  if (/No space left on device/.test(stderr)) {
    const names = forbiddenLimits.length > 0 ? forbiddenLimits : ['user.max_user_namespaces', 'user.max_net_namespaces']
    const how = forbiddenLimits.length > 0 ? `${names.join(' and ')} is 0` : 'the limit has been reached'
    return because(`: ${how}`, sysctlCommand(names.map((name) => `${name}=16384`)))
  }
  if (/Operation not permitted|Permission denied/.test(stderr)) {
    if (restrictedByAppArmor) {
      const why = ': AppArmor forbids unprivileged user namespaces (Ubuntu 23.10 and newer)'
      return because(why, sysctlCommand(['kernel.apparmor_restrict_unprivileged_userns=0']))
    }
    if (cloneForbidden) {
      const why = ': the kernel forbids unprivileged user namespaces'
      return because(why, sysctlCommand(['kernel.unprivileged_userns_clone=1']))
    }
    if (!inContainer) {
      return because(': the kernel forbids it', 'Run as root, or allow user namespaces for this user.')
    }
    const options = '--security-opt seccomp=unconfined --security-opt apparmor=unconfined --device /dev/net/tun'
    const hint = `Start the container with ${options}, or with --privileged.`
    return because(': this container forbids it (seccomp or a missing capability)', hint)
  }
  if (/Invalid argument/.test(stderr)) {
    const hint = 'Run as root, or use a kernel with CONFIG_USER_NS.'
    return because(': this kernel has no user namespaces', hint)
  }
  return because('', 'Run npx vitest-guest doctor to see what this host lacks.')
}

function sysctlCommand(settings: string[]): string {
  return `sudo sysctl -w ${settings.join(' ')}`
}

function readSettings(): NamespaceSettings {
  const limits = ['user.max_user_namespaces', 'user.max_net_namespaces', 'user.max_pid_namespaces']
  return {
    forbiddenLimits: limits.filter((name) => sysctl(name) === '0'),
    restrictedByAppArmor: sysctl('kernel.apparmor_restrict_unprivileged_userns') === '1',
    cloneForbidden: sysctl('kernel.unprivileged_userns_clone') === '0',
    inContainer:
      existsSync('/.dockerenv') ||
      existsSync('/run/.containerenv') ||
      /^Seccomp:\s*2$/m.test(readFileSync('/proc/self/status', 'utf8')),
  }
}

function sysctl(name: string): string | undefined {
  try {
    return readFileSync(join('/proc/sys', ...name.split('.')), 'utf8').trim()
  } catch {
    return undefined
  }
}
