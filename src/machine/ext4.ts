import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError } from '../errors.ts'
import { runInSandbox } from '../host/sandbox.ts'
import { requireTool } from '../host/tools.ts'
import { findExt4 } from './find-ext4.ts'

export interface Ext4Entry {
  readonly name: string
  readonly inode: number
  readonly kind: 'file' | 'folder'
  readonly bytes: number
}

/** Of an inode; the root folder's is always this one. */
const ROOT_INODE = 2

/** Bytes of a listing that are read: some thousand entries. */
const LISTING_LIMIT = 512 * 1024
/** As `ls -p` of debugfs writes a regular file or a folder: inode, mode, owner, group, name, size. The names are those that nobody has to quote. */
const ENTRY = /^\/(\d{1,10})\/(10|04)\d{4}\/\d+\/\d+\/([\w@+~-][\w.@+~-]{0,254})\/(\d{0,16})\/$/
/** What a shell says of SIGXFSZ, by which the kernel ends who writes beyond a limit. */
const BEYOND_LIMIT = 128 + 25

/**
 * The ext4 file system of a disk that somebody else has written. It is read by programs in a sandbox, which know a file or a folder
 * by its inode: no name leads anywhere, and none is made here.
 */
export class Ext4 {
  readonly #disk: string
  readonly #temporary: string
  readonly #offset: number
  readonly #signal: AbortSignal

  private constructor(disk: string, temporary: string, offset: number, signal: AbortSignal) {
    this.#disk = disk
    this.#temporary = temporary
    this.#offset = offset
    this.#signal = signal
  }

  /**
   * Also writes to it what only its journal has, as nobody unmounted it.
   * @param temporary a folder for a file of ours
   * @throws HostError when there is no ext4 file system on the disk, or no sandbox on this host
   */
  static async open(disk: string, temporary: string, signal: AbortSignal): Promise<Ext4> {
    const offset = await findExt4(disk)
    const replay = ['-y', '-E', 'journal_only', `/disk?offset=${offset}`]
    await using file = await open(disk)
    const fileLimit = (await file.stat()).size
    // Where that has no good end it is read all the same.
    await runInSandbox(requireTool('e2fsck'), replay, { files: { disk }, fileLimit, signal }).catch(() =>
      signal.throwIfAborted(),
    )
    return new Ext4(disk, temporary, offset, signal)
  }

  /** The regular files and folders in folders, by names that are plain; of many thousands the first. */
  async list(folders: readonly number[]): Promise<Ext4Entry[][]> {
    const listing = join(this.#temporary, 'listing')
    await using file = await open(listing, 'wx', 0o600)
    const commands = folders.map((inode) => `ls -p <${inode}>`)
    await this.#ask(commands, LISTING_LIMIT, {}, file.fd)
    const text = await readFile(listing, 'latin1')
    await rm(listing)
    // It repeats each command on a line of its own.
    return commands.map((command) => {
      const [, answer = ''] = text.split(`debugfs: ${command}\n`)
      return answer.split('\ndebugfs: ', 1).flatMap((lines) => lines.split('\n').flatMap(parseEntry))
    })
  }

  /** The folder at a path, entered name by name: what is no folder of the disk itself is not followed. @throws HostError */
  async find(...path: readonly string[]): Promise<number> {
    let inode = ROOT_INODE
    for (const name of path) {
      const [entries = []] = await this.list([inode])
      const folder = entries.find((entry) => entry.name === name && entry.kind === 'folder')
      if (!folder) throw new HostError(`There is no folder /${path.join('/')} in the file system of the disk`)
      inode = folder.inode
    }
    return inode
  }

  /** Writes the content of files to some of ours. The first that has more than `limit` bytes is cut there, and is the last. */
  async copy(files: readonly { readonly inode: number; readonly to: string }[], limit: number): Promise<void> {
    const shared: Record<string, string> = {}
    const commands: string[] = []
    for (const [index, { inode, to }] of files.entries()) {
      await writeFile(to, '', { flag: 'wx', mode: 0o600 })
      shared[`out-${index}`] = to
      commands.push(`dump <${inode}> /out-${index}`)
    }
    await this.#ask(commands, limit, shared)
  }

  async #ask(commands: readonly string[], fileLimit: number, files: Record<string, string>, stdout?: number) {
    const script = join(this.#temporary, 'commands')
    await writeFile(script, `${commands.join('\n')}\n`, { flag: 'wx', mode: 0o600 })
    const sandbox = {
      files: { disk: this.#disk, commands: script, ...files },
      fileLimit,
      ...(stdout !== undefined && { stdout }),
      signal: this.#signal,
    }
    // With -c it takes no offence at bitmaps that were being written. It exits with 0 whatever has happened.
    const words = ['-c', '-f', '/commands', `/disk?offset=${this.#offset}`]
    try {
      await runInSandbox(requireTool('debugfs'), words, sandbox)
    } catch (error) {
      if (!(error instanceof HostError && error.exitCode === BEYOND_LIMIT)) throw error
    } finally {
      await rm(script)
    }
  }
}

function parseEntry(line: string): Ext4Entry[] {
  const [, number, mode, name, bytes] = ENTRY.exec(line) ?? []
  if (name === undefined) return []
  return [{ name, inode: Number(number), kind: mode === '10' ? 'file' : 'folder', bytes: Number(bytes) }]
}
