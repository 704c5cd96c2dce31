import { existsSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { HostError } from '../errors.ts'
import { run } from '../host/run.ts'
import { requireTool } from '../host/tools.ts'

/** Sends QEMU a QMP command. */
type Qmp = (command: string, args?: Readonly<Record<string, unknown>>) => Promise<unknown>

export interface DiskCopy {
  /** A path in the guest's root file system. */
  readonly path: string
  /** The folder of this host that the copy goes into. */
  readonly into: string
  /** For files of ours that go again: the disk's content, as far as it was written to, and a socket. */
  readonly temporary: string
  readonly signal: AbortSignal
}

const EXPORT = 'evidence'
const SECTOR = 512
/** linux/ext4.h: the superblock is 1024 bytes in, its magic 56 bytes into that. */
const EXT4_MAGIC = { at: 1024 + 56, value: 0xef53 }

/**
 * Copies a file or folder from the disk of a machine that stands still, or whose system is dead: without its help, and
 * without root. What the guest had not written yet is not there.
 * @returns where the copy is
 * @throws HostError when QEMU has gone, and the disk with it, when no ext4 file system is found, or not the path in it.
 */
export async function copyFromDisk(qmp: Qmp, { path, into, temporary, signal }: DiskCopy): Promise<string> {
  const debugfs = requireTool('debugfs')
  const e2fsck = requireTool('e2fsck')
  const raw = join(temporary, 'disk.raw')
  const copy = join(into, basename(path))
  const words: string[] = []
  const onLine = (line: string) => void words.push(line)
  try {
    await readOut(qmp, raw, join(temporary, 'disk.sock'), signal)
    const disk = `${raw}?offset=${await findExt4(raw)}`
    // Nobody unmounted it: what was done last may be in its journal alone. It is read all the same where that has no good end.
    await run(e2fsck, ['-y', '-E', 'journal_only', disk], { signal, onLine }).catch(() => signal.throwIfAborted())
    // With -c it takes no offence at bitmaps that were being written. It exits with 0 whatever has happened.
    await run(debugfs, ['-c', '-R', `rdump ${path} .`, disk], { signal, cwd: into, onLine })
  } finally {
    await rm(raw, { force: true })
  }
  if (existsSync(copy)) return copy
  throw new HostError(`${path} could not be read from the disk`, { stderr: words.join('\n') })
}

/** The disk as the guest sees it lies in files of QEMU's that have no name, so QEMU is asked for it. */
async function readOut(qmp: Qmp, raw: string, socket: string, signal: AbortSignal): Promise<void> {
  const devices = (await qmp('query-block')) as { device: string; inserted?: { 'node-name': string } }[]
  const node = devices.find(({ device }) => device === 'disk')?.inserted?.['node-name']
  await qmp('nbd-server-start', { addr: { type: 'unix', data: { path: socket } } })
  try {
    await qmp('block-export-add', { type: 'nbd', id: EXPORT, 'node-name': node, name: EXPORT })
    const convert = ['convert', '-f', 'raw', '-O', 'raw', `nbd+unix:///${EXPORT}?socket=${socket}`, raw]
    await run(requireTool('qemu-img'), convert, { signal })
  } finally {
    await qmp('nbd-server-stop').catch(() => {})
  }
}

/** Where the first ext4 file system begins, in bytes: over the whole disk, or in a partition of an MBR or a GPT. */
async function findExt4(disk: string): Promise<number> {
  await using file = await open(disk)
  const read = async (at: number, length: number) => (await file.read(Buffer.alloc(length), 0, length, at)).buffer
  const mbr = await read(0, SECTOR)
  const fromMbr = [0, 1, 2, 3].map((each) => mbr.readUInt32LE(446 + 16 * each + 8))
  const gpt = await read(SECTOR, SECTOR)
  const entries = gpt.toString('latin1', 0, 8) === 'EFI PART' ? await read(2 * SECTOR, 128 * 128) : Buffer.alloc(0)
  const fromGpt = Array.from({ length: entries.length / 128 }, (_, each) =>
    Number(entries.readBigUInt64LE(128 * each + 32)),
  )
  for (const sector of [0, ...fromMbr, ...fromGpt]) {
    const magic = await read(sector * SECTOR + EXT4_MAGIC.at, 2)
    if (magic.readUInt16LE() === EXT4_MAGIC.value) return sector * SECTOR
  }
  throw new HostError('No ext4 file system was found on the disk')
}
