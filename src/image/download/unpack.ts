import { open, rm } from 'node:fs/promises'
import { HostError, ImageError } from '../../errors.ts'
import { run } from '../../host/program/run.ts'
import { runInSandbox } from '../../host/program/sandbox.ts'
import { requireTool, type Tool } from '../../host/program/tools.ts'
import { isNoSpace, megabytes, noSpace } from './download-errors.ts'
import { LARGEST } from './receive.ts'

/** They write sparse files, because a raw disk is mostly empty. (xz does so by itself; gzip cannot.) */
const PROGRAMS: Readonly<Record<string, { tool: Tool; args: readonly string[] }>> = {
  xz: { tool: 'xz', args: ['--decompress', '--stdout', '--memlimit-decompress=1GiB'] },
  gzip: { tool: 'gzip', args: ['--decompress', '--stdout'] },
  zstd: { tool: 'zstd', args: ['--decompress', '--stdout', '--quiet', '--sparse', '--memory=1024MB'] },
}
/** A shell's exit code for a program that a limit ended. */
const ENDED_BY_LIMIT = 128 + 25

interface Unpack {
  readonly label: string
  /** By its name in disk-signature.ts. */
  readonly compression: string
  readonly from: string
  readonly to: string
  readonly folder: string
  readonly signal?: AbortSignal | undefined
  /** The maximum size of the result, in bytes. @default that of a download */
  readonly limit?: number
}

/** Whether the host has the program for it. */
export function canUnpack(compression: string): boolean {
  return Object.hasOwn(PROGRAMS, compression)
}

/**
 * Unpacks a download in a sandbox, up to the maximum size of a disk.
 * @throws ImageError; HostError when the program is missing; the signal's reason
 */
export async function unpack({ label, compression, from, to, folder, signal, limit = LARGEST }: Unpack): Promise<void> {
  const { tool, args } = PROGRAMS[compression] as (typeof PROGRAMS)[string]
  const program = requireTool(tool)
  await rm(to, { force: true })
  await using file = await open(to, 'wx', 0o600)
  try {
    await runConfined(program, args, { from, stdout: file.fd, limit, signal })
  } catch (error) {
    signal?.throwIfAborted()
    if (isNoSpace(error)) throw noSpace(label, folder, { cause: error })
    if (!(error instanceof HostError)) throw error
    const { size } = await file.stat()
    const isTooLarge = size >= limit || error.exitCode === ENDED_BY_LIMIT
    const what = isTooLarge ? `is larger than ${megabytes(limit)} when it is unpacked` : `cannot be unpacked by ${tool}`
    throw new ImageError(`The image ${label} ${what}`, {
      option: 'image',
      command: error.command,
      exitCode: error.exitCode,
      stderr: error.stderr,
      cause: error,
      hint: error.hint ?? 'It was downloaded as it should be, so the file itself is wrong: ask who publishes it.',
    })
  }
}

interface Confined {
  readonly from: string
  readonly stdout: number
  readonly limit: number
  readonly signal: AbortSignal | undefined
}

async function runConfined(
  program: string,
  args: readonly string[],
  { from, stdout, limit, signal }: Confined,
): Promise<void> {
  try {
    const sandbox = { files: { packed: from }, fileLimit: limit, stdout, ...(signal && { signal }) }
    await runInSandbox(program, [...args, '/packed'], sandbox)
  } catch (error) {
    // The kernel gives no namespaces, which a guest on a host network does not need either.
    if (!(error instanceof HostError) || !/^unshare: /.test(error.stderr ?? '')) throw error
    const limits = [`--fsize=${limit}`, '--core=0', '--']
    await run(requireTool('prlimit'), [...limits, program, ...args, from], { stdout, signal })
  }
}
