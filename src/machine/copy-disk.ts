import { chmod, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError } from '../errors.ts'
import { runInSandbox } from '../host/sandbox.ts'
import { qemuFolder } from '../host/state-folder.ts'
import { requireTool } from '../host/tools.ts'

/** Sends QEMU a QMP command. */
type Qmp = (command: string, args?: Readonly<Record<string, unknown>>) => Promise<unknown>

export interface DiskCopy {
  /** The file to make. */
  readonly to: string
  /** Of the machine's network; QEMU listens in its own folder there. */
  readonly stateFolder: string
  readonly signal: AbortSignal
}

const EXPORT = 'evidence'
const SOCKET = 'nbd'
/** Bytes of this host that a copy may take. */
const LIMIT = 8 * 1024 ** 3
/** Between two looks at how many it takes, in milliseconds. */
const INTERVAL = 250

/**
 * Copies the disk of a machine that stands still, or whose system is dead, as far as it was written to. The disk as the guest sees it lies in
 * files of QEMU's that have no name, so QEMU is asked for it.
 * @throws HostError when QEMU has gone, and the disk with it, or more than 8 GiB of it are in use.
 */
export async function copyDisk(qmp: Qmp, { to, stateFolder, signal }: DiskCopy): Promise<void> {
  const devices = (await qmp('query-block')) as Device[]
  const disk = devices.find(({ device }) => device === 'disk')?.inserted
  const bytes = disk?.image['virtual-size']
  if (!disk || !Number.isSafeInteger(bytes)) throw new HostError('QEMU has no disk')
  await using file = await open(to, 'wx', 0o600)
  await file.truncate(bytes)
  const socket = join(qemuFolder(stateFolder), SOCKET)
  await qmp('nbd-server-start', { addr: { type: 'unix', data: { path: SOCKET } } })
  try {
    // QEMU may be another user than the reader; nobody else can reach the folder.
    await chmod(socket, 0o666)
    await qmp('block-export-add', { type: 'nbd', id: EXPORT, 'node-name': disk['node-name'], name: EXPORT })
    using space = watchUse(to)
    const source = `nbd+unix:///${EXPORT}?socket=/nbd.sock`
    const convert = ['convert', '-n', '--target-is-zero', '-f', 'raw', '-O', 'raw', source, '/disk']
    await runInSandbox(requireTool('qemu-img'), convert, {
      files: { disk: to, 'nbd.sock': socket },
      fileLimit: bytes as number,
      signal: AbortSignal.any([signal, space.signal]),
    })
  } finally {
    await qmp('nbd-server-stop').catch(() => {})
    await rm(socket, { force: true })
  }
}

interface Device {
  readonly device: string
  readonly inserted?: { readonly 'node-name': string; readonly image: { readonly 'virtual-size'?: number } }
}

/** Aborts once a file takes more than the limit. */
function watchUse(path: string): Disposable & { signal: AbortSignal } {
  const abort = new AbortController()
  const look = async () => {
    const { blocks } = await stat(path)
    if (blocks * 512 > LIMIT) abort.abort(new HostError(`More than ${LIMIT / 1024 ** 3} GiB of the disk are in use`))
  }
  const timer = setInterval(() => void look().catch(() => {}), INTERVAL)
  return { signal: abort.signal, [Symbol.dispose]: () => clearInterval(timer) }
}
