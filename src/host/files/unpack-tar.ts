import type { Writable } from 'node:stream'
import { HostError } from '../../errors.ts'
import { hasCapability } from '../rights/has-capability.ts'
import { startTar, type Tar } from './tar.ts'
import { TarListing, type LeftOut } from './tar-listing.ts'
import { requireTool } from '../program/tools.ts'

const CAP_MKNOD = 27
/** Bytes of address space: a name may be as long as an archive says, and tar holds it whole. */
const MOST_MEMORY = 2 * 1024 ** 3

/** What tar says of a device; names, which it escapes, come before. The last line follows on any error. */
const NO_DEVICE = /^\S*tar: .*: Cannot mknod: Operation not permitted$/
const AFTER_ALL = /^\S*tar: Exiting with failure status due to previous errors$/

export interface UnpackingTar extends Tar {
  readonly input: Writable
  /** What was in the archive, and is not in the folder. */
  readonly leftOut: LeftOut
}

/**
 * Unpacks an archive that anybody may have made into a folder, which is there already and is not to be seen by others: with
 * our ownership, and the permissions that the archive and our umask allow; without devices, and without the setuid, setgid and sticky
 * bits.
 * @param maxBytes of all files, holes included; 512 for each thing besides
 */
export function unpackTar(folder: string, maxBytes: number): UnpackingTar {
  const args = [
    '--extract',
    // Lists each member, in a form that no file name can break.
    '--verbose',
    '--verbose',
    '--numeric-owner',
    '--quoting-style=escape',
    // So that whatever it says on stderr is an error.
    '--warning=none',
    // Special bits are left out by this too, for root as well.
    '--no-same-permissions',
    '--no-same-owner',
    '--no-xattrs',
    '--no-acls',
    '--no-selinux',
    '--file=-',
    `--directory=${folder}`,
  ]
  const isFine = (_: number, stderr: string) => stderr.trimEnd().split('\n').every((line) => NO_DEVICE.test(line) || AFTER_ALL.test(line)) // prettier-ignore
  const before = [...withoutDevices(), requireTool('prlimit'), `--as=${MOST_MEMORY}`]
  const { child, done, kill } = startTar(before, args, isFine)
  let tooMuch: HostError | undefined
  const listing = new TarListing(maxBytes, () => {
    tooMuch = new HostError(`it has more than ${maxBytes} bytes`, { code: 'EFBIG' })
    child.kill('SIGKILL')
  })
  child.stdout.on('data', (chunk: Buffer) => listing.read(chunk))
  return { input: child.stdin, leftOut: listing.leftOut, done: ours(done, () => tooMuch), kill }
}

/** Our reason, where it was us who ended it. */
function ours(done: Promise<void>, reason: () => HostError | undefined): Promise<void> {
  const check = (error?: unknown) => {
    const own = reason() ?? error
    if (own !== undefined) throw own as Error
  }
  const ended = done.then(() => check(), check)
  ended.catch(() => {})
  return ended
}

/** Only who has the capability to make one may take it away; tar can look into our folders still. */
function withoutDevices(): string[] {
  if (!hasCapability(CAP_MKNOD)) return []
  return ['--ambient-caps=-all', '--inh-caps=-all', '--bounding-set=-all,+dac_override']
}
