import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { HostError } from '../../errors.ts'
import { explainNamespaceFailure } from '../rights/namespaces.ts'
import { run } from './run.ts'
import { requireTool } from './tools.ts'

export interface Sandbox {
  /** All that it has of the host: files, by their names in its root folder. It can write to these and make no other. */
  readonly files: Readonly<Record<string, string>>
  /** Bytes that a file which it writes may grow to, its stdout included. */
  readonly fileLimit: number
  /** An open file of ours that takes its stdout. */
  readonly stdout?: number
  readonly signal?: AbortSignal
}

/** Bytes of memory that it may map. */
const MEMORY_LIMIT = 4 * 1024 ** 3

/** Programs load these by name when they come to need them (systemd 256 and newer), and ldd does not tell. */
const LOADED_LATER = ['libzstd.so.1', 'liblz4.so.1', 'liblzma.so.5']

const OUTER = ['--user', '--map-root-user', '--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child']

/**
 * It mounts over /sys, which is there everywhere: in its mount namespace nobody misses it. It stays, as process 1, since that one ignores the
 * signals by which limits end a program. The second user namespace maps nobody, so what is started in it has no capabilities; and nobody whose
 * root folder was changed can make one more (unshare(2)).
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
 * Runs a host program on what somebody else may have written, where it can do no harm whatever becomes of it: in namespaces of its own, with
 * a root folder that has the program, its libraries and the given files, without capabilities, environment, processes or a network.
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

/** The libraries of a program, and what loads them. */
function librariesOf(program: string): Promise<string[]> {
  const libraries = known.get(program) ?? findLibraries(program)
  known.set(program, libraries)
  libraries.catch(() => known.delete(program))
  return libraries
}

async function findLibraries(program: string): Promise<string[]> {
  const listed = await run(requireTool('ldd'), [program]).catch((error: unknown) => {
    // One that needs none.
    if (error instanceof HostError && error.exitCode === 1) return ''
    throw error
  })
  const paths = [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  const folders = [...new Set(paths.map((path) => dirname(path)))]
  const later = folders.flatMap((folder) => LOADED_LATER.map((name) => join(folder, name)).filter(existsSync))
  return [...new Set([...paths, ...later])]
}
