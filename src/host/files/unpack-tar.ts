import type { Writable } from 'node:stream'
import { HostError } from '../../errors.ts'
import { hasCapability } from '../rights/has-capability.ts'
import { startTar, type Tar } from './tar.ts'
import { requireTool } from '../program/tools.ts'

const CAP_MKNOD = 27
/** Bytes of address space: an archive can declare a name of any length, which tar keeps in memory. */
const MOST_MEMORY = 2 * 1024 ** 3

/** What tar says of a device, after the name, which it escapes; and its last line after any error. */
const NO_DEVICE = /^\S*tar: .*: Cannot mknod: Operation not permitted$/
const AFTER_ALL = /^\S*tar: Exiting with failure status due to previous errors$/

/**
 * Unpacks an untrusted archive into an existing folder, which others must not be able to enter. Everything belongs to this user, with
 * the permissions that the archive and the umask allow, without devices, and without setuid, setgid and sticky bits.
 * @param maxBytes of all files, holes included, plus 512 for each entry
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
    // Leaves only errors on stderr.
    '--warning=none',
    // Drops special bits too, even for root.
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

/** Rejects with our own reason if it was us who killed it. */
function ours(done: Promise<void>, reason: () => HostError | undefined): Promise<void> {
  const check = (error?: unknown) => {
    const own = reason() ?? error
    if (own !== undefined) throw own as Error
  }
  const ended = done.then(() => check(), check)
  ended.catch(() => {})
  return ended
}

/** Only with the capability to create devices can it be dropped; dac_override stays, so that tar can enter our folders. */
function withoutDevices(): string[] {
  if (!hasCapability(CAP_MKNOD)) return []
  return ['--ambient-caps=-all', '--inh-caps=-all', '--bounding-set=-all,+dac_override']
}

/** What was left out of an archive. */
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
/** Characters of a line that are kept; the rest is the end of a long name. */
const KEPT = 512
/** Bytes of a header. */
const HEADER = 512
const LINE_END = 0x0a

/** Reads tar's listing of an archive's members, and adds up their sizes. */
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
    // A hard link shows those of its target.
    else if (/[sStT]/.test(mode.slice(1)) && !mode.startsWith('h')) note(this.leftOut.specialBits, name)
    this.#bytes += HEADER + (/^\d+$/.test(size) ? Number(size) : 0)
    if (this.#bytes > this.#maxBytes) this.#onTooMuch()
  }
}

function note(names: Names, name: string): void {
  names.count++
  names.first ??= name
}
