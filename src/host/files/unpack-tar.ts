import type { Writable } from 'node:stream'
import { HostError } from '../../errors.ts'
import { hasCapability } from '../rights/has-capability.ts'
import { startTar, type Tar } from './tar.ts'
import { requireTool } from '../program/tools.ts'

const CAP_MKNOD = 27
/** Bytes of address space: a name may be as long as an archive says, and tar holds it whole. */
const MOST_MEMORY = 2 * 1024 ** 3

/** What tar says of a device; names, which it escapes, come before. The last line follows on any error. */
const NO_DEVICE = /^\S*tar: .*: Cannot mknod: Operation not permitted$/
const AFTER_ALL = /^\S*tar: Exiting with failure status due to previous errors$/

/**
 * Unpacks an archive that anybody may have made into a folder, which is there already and is not to be seen by others: with
 * our ownership, and the permissions that the archive and our umask allow; without devices, and without the setuid, setgid and sticky
 * bits.
 * @param maxBytes of all files, holes included; 512 for each thing besides
 */
export function unpackTar(
  folder: string,
  maxBytes: number,
): Tar & { readonly input: Writable; readonly leftOut: LeftOut } {
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
  const isExpected = (line: string) => NO_DEVICE.test(line) || AFTER_ALL.test(line)
  const isFine = (_: number, stderr: string) => stderr.trimEnd().split('\n').every(isExpected)
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

/** Names of what an archive held, as tar shows them, and how many there were of each kind. */
export interface LeftOut {
  readonly devices: Names
  readonly specialBits: Names
}

export interface Names {
  count: number
  first: string | undefined
}

/** `-vv` and `--numeric-owner`: type and permissions, owner, size or device number, day, time, name. */
const MEMBER = /^([-a-zA-Z]\S{9}) \d+\/\d+ +(\S+) \S+ \S+ (.*)/
/** Of one line: what comes after is the end of a long name. */
const KEPT = 512
/** What a header takes. */
const HEADER = 512
const LINE_END = 0x0a

/** Reads what tar tells of each member of an archive, and adds up their sizes. */
export class TarListing {
  readonly leftOut: LeftOut = { devices: { count: 0, first: undefined }, specialBits: { count: 0, first: undefined } }
  readonly #maxBytes: number
  readonly #onTooMuch: () => void
  #bytes = 0
  #line = ''

  constructor(maxBytes: number, onTooMuch: () => void) {
    this.#maxBytes = maxBytes
    this.#onTooMuch = onTooMuch
  }

  read(chunk: Buffer): void {
    for (let start = 0; start < chunk.length;) {
      const end = chunk.indexOf(LINE_END, start)
      const stop = end === -1 ? chunk.length : end
      if (this.#line.length < KEPT) this.#line += chunk.toString('latin1', start, Math.min(stop, start + KEPT))
      if (end !== -1) this.#onLine()
      start = stop + 1
    }
  }

  #onLine(): void {
    const line = Buffer.from(this.#line, 'latin1').toString()
    const [, mode = '', size = '', name = ''] = MEMBER.exec(line) ?? []
    this.#line = ''
    if (mode.startsWith('b') || mode.startsWith('c')) note(this.leftOut.devices, name)
    // A hard link has those of the file that it leads to.
    else if (/[sStT]/.test(mode.slice(1)) && !mode.startsWith('h')) note(this.leftOut.specialBits, name)
    this.#bytes += HEADER + (/^\d+$/.test(size) ? Number(size) : 0)
    if (this.#bytes > this.#maxBytes) this.#onTooMuch()
  }
}

function note(names: Names, name: string): void {
  names.count++
  names.first ??= name
}
