import { inspect } from 'node:util'
import type { SFTPWrapper } from 'ssh2'
import { GuestError, SshError } from '../errors.ts'
import { badOption } from '../errors/bad-option.ts'
import { refuseUnknown } from '../options/check.ts'
import type { GuestContext } from './guest-context.ts'
import { download } from '../ssh/files/download.ts'
import { plainPath } from '../ssh/files/file-scripts.ts'
import type { TransferProgress } from '../ssh/files/progress.ts'
import { readFile } from '../ssh/files/read-file.ts'
import { upload } from '../ssh/files/upload.ts'
import type { Act } from '../ssh/files/with-program.ts'
import { writeFile } from '../ssh/files/write-file.ts'

export interface FileOptions {
  /** Cancels the transfer; partial results are removed. */
  cancelSignal?: AbortSignal
}

export interface ReadFileOptions extends FileOptions {
  /** Maximum size of the file in bytes; a larger one is an error. @default 100_000_000 */
  maxBytes?: number
}

export interface WriteFileOptions extends FileOptions {
  /** Permissions, as a number or octal digits: `0o600`, `'600'`. @default the file's, or 0644 for a new one */
  mode?: number | string
  /** `'user'` or `'user:group'`. @default the file's, or root for a new one */
  owner?: string
}

export interface TransferOptions extends FileOptions {
  /** Called as bytes are transferred. */
  onProgress?: (progress: TransferProgress) => void
}

export interface DownloadOptions extends TransferOptions {
  /** Maximum total size in bytes: of the files, holes included, plus 512 per file. Exceeding it is an error. @default 16 GiB */
  maxBytes?: number
}

/**
 * Access to a guest's files. Paths in the guest are absolute or relative to root's home folder, and may contain
 * any character except NUL; symlinks at a path are followed.
 *
 * All methods throw a CommandError when the guest fails and a HostError when the host fails, with `path`, and with `code` as in
 * Node's fs errors (`ENOENT`, `EACCES`, `ENOSPC`, `EISDIR`, …). Each one gives up when the next 64 KiB, or the rest, take longer
 * than `timeouts.command`.
 */
export interface Files {
  /** Reads a file as bytes or as text. @throws CommandError */
  readFile(path: string, options?: ReadFileOptions): Promise<Buffer>
  readFile(path: string, encoding: 'utf8', options?: ReadFileOptions): Promise<string>
  /**
   * Creates a file or replaces its content, atomically: readers see either the old file or the new one, and a failed write
   * changes nothing. Devices, pipes and files in /proc and /sys are written directly. The parent folder must exist.
   * @throws CommandError; GuestError for an invalid mode or owner
   */
  writeFile(path: string, data: string | Uint8Array, options?: WriteFileOptions): Promise<void>
  /**
   * Copies a file, or a folder with its contents, to `guestPath`, the full destination path: a folder `etc`
   * uploaded to `/srv` becomes `/srv`, not `/srv/etc`. Permissions and times are preserved, symlinks inside a folder stay symlinks,
   * sparse files stay sparse; root owns everything.
   *
   * If the destination exists, a file replaces a file, and a folder is merged into a folder, which keeps its own permissions and
   * other files. The parent folder must exist. A failed upload leaves nothing behind, except what a merge had already merged.
   * @throws HostError when `localPath` cannot be read; CommandError when the guest cannot take it
   */
  upload(localPath: string, guestPath: string, options?: TransferOptions): Promise<void>
  /**
   * Copies a file or a folder of the guest to `localPath`, the full destination path, as `upload` does. You own the result,
   * with the permissions that your umask allows. A failed download leaves nothing on the host.
   *
   * The guest need not be trusted: a symlink at `localPath` is refused, not followed, and so is one that the guest sends in place
   * of a file or folder. (Inside a folder symlinks stay symlinks; following them later is at your own risk.) Devices, and setuid, setgid
   * and sticky bits, are skipped with a warning.
   * @throws CommandError when `guestPath` cannot be read; HostError when the host cannot take it
   */
  download(guestPath: string, localPath: string, options?: DownloadOptions): Promise<void>
  /** An SFTP session of the client, for everything else. It ends with the client, or with `end()`. @throws SshError */
  sftp(): Promise<SFTPWrapper>
}

const MOST_READ = 100_000_000
const MOST_DOWNLOADED = 16 * 1024 ** 3

/** @param stallMs milliseconds for the next 64 KiB, or the rest */
export function files({ open, explain }: GuestContext, stallMs: number): Files {
  const acting = (what: string, path: string, options: FileOptions): Act => {
    const { cancelSignal } = refuseUnknown(options, ['cancelSignal', 'mode', 'owner', 'onProgress', 'maxBytes'])
    return { what, path, stallMs, cancelSignal }
  }
  async function read(path: string, options?: ReadFileOptions): Promise<Buffer>
  async function read(path: string, encoding: 'utf8', options?: ReadFileOptions): Promise<string>
  async function read(path: string, second: 'utf8' | ReadFileOptions = {}, third: ReadFileOptions = {}) {
    const [encoding, options] = typeof second === 'string' ? [second, third] : [undefined, second]
    const act = acting(`readFile of ${inspect(path)}`, plainPath(path, 'path'), options)
    const { maxBytes = MOST_READ } = options
    requireBytes('maxBytes', maxBytes)
    const bytes = await explain(async () => readFile(await open(), maxBytes, act))
    return encoding === undefined ? bytes : bytes.toString(encoding)
  }
  return {
    readFile: read,
    writeFile: async (path, data, options = {}) => {
      if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
        throw badOption('data', 'text or a Uint8Array', data, "Write writeFile('/etc/motd', 'text').")
      }
      const bytes =
        typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length)
      const wish = { mode: octal(options.mode), owner: ownerOf(options.owner) }
      const act = acting(`writeFile of ${inspect(path)}`, plainPath(path, 'path'), options)
      await explain(async () => writeFile(await open(), bytes, wish, act))
    },
    upload: async (localPath, guestPath, options = {}) => {
      const what = `upload of ${inspect(localPath)} to ${inspect(guestPath)}`
      const act = acting(what, plainPath(guestPath, 'guestPath'), options)
      await explain(async () => upload(await open(), localPath, options.onProgress, act))
    },
    download: async (guestPath, localPath, options = {}) => {
      const what = `download of ${inspect(guestPath)} to ${inspect(localPath)}`
      const act = acting(what, plainPath(guestPath, 'guestPath'), options)
      const { onProgress, maxBytes = MOST_DOWNLOADED } = options
      requireBytes('maxBytes', maxBytes)
      await explain(async () => download(await open(), localPath, { onProgress, maxBytes }, act))
    },
    sftp: async () => {
      const client = await explain(open)
      return new Promise((resolve, reject) => {
        client.sftp((cause, session) => {
          if (cause) reject(new SshError('The guest started no SFTP session', { cause }))
          else resolve(session)
        })
      })
    },
  }
}

/** @throws GuestError */
function requireBytes(option: string, bytes: number): void {
  if (typeof bytes !== 'number' || !(bytes >= 0)) {
    throw badOption(option, 'a number of bytes', bytes, `Write ${option}: 1_000_000.`)
  }
}

/** Octal digits for chmod. @throws GuestError */
export function octal(mode: number | string | undefined): string | undefined {
  if (mode === undefined) return undefined
  const digits = typeof mode === 'number' && Number.isInteger(mode) ? mode.toString(8) : String(mode)
  if (/^[0-7]{1,5}$/.test(digits) && Number.parseInt(digits, 8) <= 0o7777) return digits
  throw new GuestError(`Option \`mode\` must be permissions, 0 to 0o7777; got ${inspect(mode)}`, {
    option: 'mode',
    hint: "Write them as 0o644 or '644'.",
  })
}

/** @throws GuestError */
export function ownerOf(owner: string | undefined): string | undefined {
  if (owner === undefined || /^[^\s:/]+(:[^\s:/]+)?$/.test(owner)) return owner
  throw new GuestError(`Option \`owner\` must be 'user' or 'user:group'; got ${inspect(owner)}`, { option: 'owner' })
}
