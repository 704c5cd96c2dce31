import { statSync } from 'node:fs'
import { type QemuUser, qemuUser } from '../host/rights/qemu-user.ts'
import { mayMakeUserNamespace } from '../host/rights/namespaces.ts'
import { requireTool } from '../host/program/tools.ts'

const TUN = '/dev/net/tun'
const KVM = '/dev/kvm'
const OTHERS = 0o006
const GROUP = 0o060

export interface Needs {
  readonly accel: 'kvm' | 'tcg'
  /** Of the network that QEMU will be on. */
  readonly kind: 'private' | 'host' | 'user'
}

/**
 * The command line that runs QEMU with as few rights as possible. It cannot gain any by running programs (`no_new_privs`), has no
 * capabilities, and ends with its parent. Root's QEMU runs as a user who owns nothing, in a user namespace without other users; its files
 * are passed as open descriptors (command-line.ts).
 */
export function confined(command: readonly string[], needs: Needs): string[] {
  const user = qemuUser()
  if (user) return asNobody(user, needs, command)
  // An ordinary user is root in the user namespace of a private network, with every capability there.
  const isRootThere = needs.kind === 'private' || process.getuid?.() === 0
  return [requireTool('setpriv'), ...TIED, ...(isRootThere ? ['--bounding-set=-all'] : []), '--', ...command]
}

const TIED = ['--pdeathsig', 'KILL', '--no-new-privs', '--inh-caps=-all']

function asNobody({ uid, gid }: QemuUser, { accel, kind }: Needs, command: readonly string[]): string[] {
  const kvm = accel === 'kvm' ? statSync(KVM) : undefined
  const isKvmGroups = kvm !== undefined && kvm.gid !== 0 && (kvm.mode & GROUP) === GROUP
  const closed = [
    ...(kind !== 'user' && isClosed(TUN) ? [TUN] : []),
    ...(kvm !== undefined && !isKvmGroups && isClosed(KVM) ? [KVM] : []),
  ]
  const who = [`--reuid=${uid}`, `--regid=${gid}`, isKvmGroups ? `--groups=${kvm.gid}` : '--clear-groups']
  // `--pdeathsig` survives this: creating a user namespace adds no capabilities over others (commit_creds()).
  const alone = mayMakeUserNamespace() ? [requireTool('unshare'), '--map-current-user', '--'] : []
  const drop = [requireTool('setpriv'), ...who, ...TIED, '--bounding-set=-all', '--', ...alone, ...command]
  return closed.length > 0 ? [...opened(closed), ...drop] : drop
}

function isClosed(device: string): boolean {
  return (statSync(device).mode & OTHERS) !== OTHERS
}

/** If a device is not open to all users, QEMU gets another node of it, in a separate mount namespace. */
const SCRIPT = `mount -t tmpfs -o mode=755,size=64k none /dev/net || exit
while [ "$1" != -- ]; do
  mknod -m 666 "/dev/net/\${1##*/}" c "$2" "$3" || exit
  [ -e "$1" ] && [ "$1" != "/dev/net/\${1##*/}" ] && { mount --bind "/dev/net/\${1##*/}" "$1" || exit; }
  shift 3
done
shift
exec "$@"`

function opened(devices: readonly string[]): string[] {
  const numbers = devices.flatMap((device) => {
    const { rdev } = statSync(device)
    // As the kernel packs them for user space (makedev(3)), where minor numbers are small.
    return [device, `${(rdev >> 8) & 0xfff}`, `${rdev & 0xff}`]
  })
  return [requireTool('unshare'), '--mount', '--', '/bin/sh', '-c', SCRIPT, 'sh', ...numbers, '--']
}
