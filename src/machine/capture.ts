import { existsSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { HostError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import { qemuUser } from '../host/rights/qemu-user.ts'
import type { Qmp } from '../qmp/qmp.ts'
import { qemuFolder } from '../host/files/state-folder.ts'
import { netdevId } from './command-line.ts'
import { readMade } from './read-made.ts'

/** A capture of the packets to and from a guest. Disposing completes the file, which is kept. */
export interface Capture extends AsyncDisposable {
  /** The absolute path of the pcap file. With QEMU before 8.0, and for root, it is readable only after the capture is disposed of. */
  readonly file: string
  readonly startedAt: Date
}

/** From this QEMU version on, net filters strip virtio-net's own header. */
const STRIPPING_MAJOR = 8
/** Bytes of a capture that is read here, with an older QEMU or for root: a guest may send without end. */
const LARGEST = 2 * 1024 ** 3

let made = 0

/** Has QEMU write the packets of the machine's first card to a pcap file. @throws HostError when the file cannot be written */
export async function capture(
  qmp: Qmp,
  path: string,
  { macAddress, stateFolder }: { macAddress: string; stateFolder: string },
): Promise<Capture> {
  const file = resolve(path)
  const id = `capture-${made++}`
  // Root's QEMU has no rights, and writes to a file in its own folder.
  const own = qemuUser() ? join(qemuFolder(stateFolder), id) : undefined
  const startedAt = new Date()
  const { qemu } = (await qmp.execute('query-version')) as { qemu: { major: number } }
  try {
    if (own !== undefined) await writeFile(file, '')
    const target = own === undefined ? file : id
    await qmp.execute('object-add', { 'qom-type': 'filter-dump', id, netdev: netdevId(0), file: target })
  } catch (cause) {
    throw new HostError(`No packets can be captured into ${file}: ${messageOf(cause)}`, {
      cause,
      hint: 'Its folder must exist and be writable by this user.',
    })
  }
  const stop = async () => {
    // If the machine has ended, so has the filter.
    await qmp.execute('object-del', { id }).catch(() => {})
    const isStripped = qemu.major >= STRIPPING_MAJOR
    if (isStripped && own === undefined) return
    const written = await readMade(own ?? file, LARGEST).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    if (own !== undefined) await rm(own, { force: true })
    // A file that was removed is not wanted.
    if (!written || !existsSync(file)) return
    await writeFile(`${file}.part`, isStripped ? written : withoutVirtioHeaders(written, macAddress))
    await rename(`${file}.part`, file)
  }
  let stopping: Promise<void> | undefined
  return { file, startedAt, [Symbol.asyncDispose]: () => (stopping ??= stop()) }
}

/** https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
const FILE_HEADER = 24
const RECORD_HEADER = 16
const CAPTURED = 8
const ORIGINAL = 12
/** Possible lengths of a virtio-net header, in bytes: none, legacy, VIRTIO 1. */
const HEADERS = [0, 10, 12] as const

/** QEMU before 8.0 puts virtio-net's header before each packet, which readers do not know. Where the card's address is shows its length. */
export function withoutVirtioHeaders(pcap: Buffer, macAddress: string): Buffer {
  const mac = Buffer.from(macAddress.replaceAll(':', ''), 'hex')
  const packets = [...records(pcap)]
  const header = HEADERS.find((length) => packets.some(({ data }) => isOf(data.subarray(length), mac))) ?? 0
  if (header === 0) return pcap
  const parts = packets.flatMap(({ head, data }) => {
    const shorter = Buffer.from(head)
    for (const field of [CAPTURED, ORIGINAL]) shorter.writeUInt32LE(head.readUInt32LE(field) - header, field)
    return [shorter, data.subarray(header)]
  })
  return Buffer.concat([pcap.subarray(0, FILE_HEADER), ...parts])
}

function isOf(frame: Buffer, mac: Buffer): boolean {
  return frame.subarray(0, 6).equals(mac) || frame.subarray(6, 12).equals(mac)
}

/** Every complete record, without a truncated last one. */
function* records(pcap: Buffer): Generator<{ head: Buffer; data: Buffer }> {
  for (let at = FILE_HEADER; at + RECORD_HEADER <= pcap.length;) {
    const head = pcap.subarray(at, at + RECORD_HEADER)
    const data = pcap.subarray(at + RECORD_HEADER, at + RECORD_HEADER + head.readUInt32LE(CAPTURED))
    at += RECORD_HEADER + head.readUInt32LE(CAPTURED)
    if (at <= pcap.length) yield { head, data }
  }
}
