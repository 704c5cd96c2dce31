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
 * The command line that runs QEMU with nothing that it does not use. It gains no rights by what it could run (`no_new_privs`), has no
 * capabilities, and ends with whoever waits for it. Root's runs as a user who owns nothing, in a user namespace where there is nobody
 * else; what it may read it is handed open (command-line.ts).
 */
export function confined(command: readonly string[], needs: Needs): string[] {
  const user = qemuUser()
  if (user) return asNobody(user, needs, command)
  // In the user namespace of a private network an ordinary user is root, and so has every capability there.
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
  // It stays tied (`--pdeathsig`): who makes a user namespace has the capabilities of another no more than before (commit_creds()).
  const alone = mayMakeUserNamespace() ? [requireTool('unshare'), '--map-current-user', '--'] : []
  const drop = [requireTool('setpriv'), ...who, ...TIED, '--bounding-set=-all', '--', ...alone, ...command]
  return closed.length > 0 ? [...opened(closed), ...drop] : drop
}

function isClosed(device: string): boolean {
  return (statSync(device).mode & OTHERS) !== OTHERS
}

/** Where udev has not opened a device to those who may use it, QEMU sees another node of it, in a mount namespace of its own. */
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
