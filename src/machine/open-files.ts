import { closeSync, fchmodSync, fchownSync, fstatSync, openSync, readSync } from 'node:fs'
import { HostError } from '../errors.ts'
import { overlayFolder } from '../host/environment.ts'
import { messageOf } from '../host/message-of.ts'
import { qemuUser } from '../host/rights/qemu-user.ts'
import { chain, FILE_FD, type MachineConfig, STATE_FD } from './command-line.ts'
import { openOverlay } from './overlay.ts'

/** The position of the virtual size in a qcow2 header. */
const SIZE_AT = 24
const SECTOR = 512
const OTHERS_READ = 0o044

/** Opens the files of a machine. Dispose of them once QEMU has started. @throws HostError naming the file that cannot be opened */
export function openFiles(config: MachineConfig) {
  const { disk, seed, memoryFile, direct } = config
  const descriptors: Record<number, number> = {}
  const close = () => Object.values(descriptors).forEach((fd) => closeSync(fd))
  const open = (fd: number, path: string, flags = 'r') => (descriptors[fd] = openNamed(path, flags))
  try {
    const top = open(FILE_FD.disk, disk.path, disk.writable ? 'r+' : 'r')
    const behind = chain(disk).slice(1)
    behind.forEach(({ path }, index) => open(FILE_FD.disk + 1 + index, path))
    if (!disk.writable) descriptors[FILE_FD.overlay] = openOverlay(overlayFolder(), sizeOf(top, disk.format))
    open(FILE_FD.seed, seed)
    // The RAM of one that goes on from a frozen state is in it.
    const mode = memoryFile?.shared ? (config.incoming ? 'r+' : 'w+') : 'r'
    if (memoryFile) giveToQemu(open(FILE_FD.memory, memoryFile.path, mode))
    if (direct) {
      for (const name of ['kernel', 'initrd'] as const) letRead(open(FILE_FD[name], direct[name]))
    }
    const numbers = Array.from({ length: FILE_FD.disk + behind.length - STATE_FD }, (_, index) => STATE_FD + 1 + index)
    return {
      /** For the `stdio` of spawn, after the frozen state. */
      handed: numbers.map((fd) => descriptors[fd] ?? ('ignore' as const)),
      [Symbol.dispose]: close,
    }
  } catch (error) {
    close()
    throw error
  }
}

function openNamed(path: string, flags: string): number {
  try {
    return openSync(path, flags, 0o600)
  } catch (cause) {
    throw new HostError(`The machine's file ${path} cannot be opened: ${messageOf(cause)}`, { cause, path })
  }
}

/** QEMU reopens the RAM file for writing, even for a private copy. */
function giveToQemu(fd: number): void {
  const user = qemuUser()
  if (user && fstatSync(fd).uid !== user.uid) fchownSync(fd, user.uid, user.gid)
}

function letRead(fd: number): void {
  const { mode } = fstatSync(fd)
  if (qemuUser() && (mode & OTHERS_READ) !== OTHERS_READ) fchmodSync(fd, (mode & 0o777) | OTHERS_READ)
}

/** Rounded up to whole sectors, as in QEMU. */
function sizeOf(fd: number, format: string): number {
  const size = format === 'qcow2' ? sizeInHeader(fd) : fstatSync(fd).size
  return Math.ceil(size / SECTOR) * SECTOR
}

function sizeInHeader(fd: number): number {
  const field = Buffer.alloc(8)
  readSync(fd, field, 0, field.length, SIZE_AT)
  return Number(field.readBigUInt64BE())
}
