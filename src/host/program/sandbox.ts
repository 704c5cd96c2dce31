import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { HostError } from '../../errors.ts'
import { explainNamespaceFailure } from '../rights/namespaces.ts'
import { run } from './run.ts'
import { requireTool } from './tools.ts'

export interface Sandbox {
  /** The only files of the host that it sees, by their names in its root folder. It can write to them, and create no others. */
  readonly files: Readonly<Record<string, string>>
  /** Maximum size in bytes of each file that it writes, including its stdout. */
  readonly fileLimit: number
  /** An open file for its stdout. */
  readonly stdout?: number
  readonly signal?: AbortSignal
}

/** Bytes of memory that it may map. */
const MEMORY_LIMIT = 4 * 1024 ** 3

/** Loaded by name when needed (systemd 256 and newer), so ldd does not list them. */
const LOADED_LATER = ['libzstd.so.1', 'liblz4.so.1', 'liblzma.so.5']

const OUTER = ['--user', '--map-root-user', '--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child']

/**
 * Mounts over /sys, which exists everywhere and is not needed here. The shell stays as process 1, which ignores the signals by which limits
 * end a program. The second user namespace maps no users, so what runs in it has no capabilities; and a process whose root folder was
 * changed cannot create another one (unshare(2)).
 */
const SET_UP = `
limits=$1 unshare=$2; shift 2
mount -t tmpfs -o size=128m,mode=0755,nosuid,nodev sandbox /sys
cp -L --parents $1 /sys; shift
while [ "$1" != -- ]; do : >"/sys/$1"; mount --bind "$2" "/sys/$1"; shift 2; done; shift
mount -o remount,bind,ro,nosuid,nodev /sys
env -i LC_ALL=C $limits "$unshare" --user --root=/sys -- "$@"
exit $?
`

/**
 * Runs a host program on untrusted input, where it can do no harm even if it is taken over: in separate namespaces, with a root folder that
 * has only the program, its libraries and the given files, and without capabilities, environment, other processes or a network.
 * @param program its absolute path
 * @returns its stdout; empty when that goes to a file
 * @throws HostError when it fails, or the kernel gives no namespaces; the signal's reason when aborted.
 */
export async function runInSandbox(program: string, args: readonly string[], sandbox: Sandbox): Promise<string> {
  const { files, fileLimit, stdout, signal } = sandbox
  const shared = Object.entries(files).flat()
  const needs = [program, ...(await librariesOf(program))]
  const limits = `${requireTool('prlimit')} --fsize=${fileLimit} --as=${MEMORY_LIMIT} --core=0 --`
  const unshare = requireTool('unshare')
  const setUp = ['/bin/sh', '-ec', SET_UP, 'sandbox', limits, unshare, needs.join(' '), ...shared, '--']
  const command = [...OUTER, '--', ...setUp, program, ...args]
  // unshare blocks SIGTERM while it waits.
  const options = { killSignal: 'SIGKILL', signal, ...(stdout !== undefined && { stdout }) } as const
  return await run(unshare, command, options).catch((error: unknown) => {
    if (!(error instanceof HostError)) throw error
    const { exitCode, stderr = '', stdout: written } = error
    const { hint } = /^unshare: /.test(stderr) ? explainNamespaceFailure(stderr) : {}
    const what = `${basename(program)} failed in its sandbox (${exitCode === undefined ? 'ended' : `exit code ${exitCode}`})`
    throw new HostError(what, { command: [program, ...args].join(' '), exitCode, stdout: written, stderr, hint })
  })
}

const known = new Map<string, Promise<string[]>>()

/** The libraries of a program, and their loader. */
function librariesOf(program: string): Promise<string[]> {
  const libraries = known.get(program) ?? findLibraries(program)
  known.set(program, libraries)
  libraries.catch(() => known.delete(program))
  return libraries
}

async function findLibraries(program: string): Promise<string[]> {
  const listed = await run(requireTool('ldd'), [program]).catch((error: unknown) => {
    // It needs none.
    if (error instanceof HostError && error.exitCode === 1) return ''
    throw error
  })
  const paths = [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  const folders = [...new Set(paths.map((path) => dirname(path)))]
  const later = folders.flatMap((folder) => LOADED_LATER.map((name) => join(folder, name)).filter(existsSync))
  return [...new Set([...paths, ...later])]
}
