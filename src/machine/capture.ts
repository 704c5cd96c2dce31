import { readFile, rename, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HostError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import type { Qmp } from '../host/qmp.ts'
import { netdevId } from './command-line.ts'
import { withoutVirtioHeaders } from './pcap.ts'

/** Packets on their way to and from a guest, being written down. Disposing completes the file, which stays. */
export interface Capture extends AsyncDisposable {
  /** The absolute path of the pcap file. Before QEMU 8.0 it can be read only once the capture is disposed of. */
  readonly file: string
  readonly startedAt: Date
}

/** Net filters know nothing of virtio-net's own header before this one. */
const STRIPPING_MAJOR = 8

let made = 0

/**
 * Has QEMU write every packet of the machine's card to a pcap file. One that is there already is overwritten. Relative paths
 * start at this process's working folder.
 * @throws HostError when the file cannot be written.
 */
export async function capture(qmp: Qmp, path: string, macAddress: string): Promise<Capture> {
  const file = resolve(path)
  const id = `capture-${made++}`
  const startedAt = new Date()
  const { qemu } = (await qmp.execute('query-version')) as { qemu: { major: number } }
  try {
    await qmp.execute('object-add', { 'qom-type': 'filter-dump', id, netdev: netdevId(0), file })
  } catch (cause) {
    throw new HostError(`No packets can be captured into ${file}: ${messageOf(cause)}`, {
      cause,
      hint: 'Its folder must be there, and this user must be allowed to write to it.',
    })
  }
  const stop = async () => {
    // A machine that has ended took it along.
    await qmp.execute('object-del', { id }).catch(() => {})
    if (qemu.major >= STRIPPING_MAJOR) return
    const written = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    // Whoever removed it does not want it.
    if (!written) return
    await writeFile(`${file}.part`, withoutVirtioHeaders(written, macAddress))
    await rename(`${file}.part`, file)
  }
  let stopping: Promise<void> | undefined
  return { file, startedAt, [Symbol.asyncDispose]: () => (stopping ??= stop()) }
}
