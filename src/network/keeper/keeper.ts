/**
 * The program that holds a network. Arguments: the state folder, and of what kind the network is.
 *
 * It lives as long as its standard input is open, that is, as long as the process that started it, however that one
 * ends. Before it goes it removes the state folder. What runs on the network goes with it:
 *
 * - `private`: it is process 1 of a PID namespace, inside a network namespace of its own. When it goes, the kernel kills
 *   whatever else runs in the former (QEMU, dnsmasq), and the latter vanishes with its bridge and TAPs.
 * - `user`: QEMU is on its lifeline (see lifeline.ts).
 * - `host`: the same, and it is the one that makes bridge and TAPs, and takes them down (see host-keeper.ts).
 *
 * It also dials for those outside: an HTTP server on a UNIX path socket that answers CONNECT. Path sockets cross
 * network namespaces; abstract ones do not.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { dialDirectly, dialServer } from './dial-server.ts'
import { makePrivateFolder } from '../../host/files/private-folder.ts'
import { KEEPER_SOCKET } from '../../host/files/state-names.ts'
import { LIFELINE } from './lifeline.ts'

const [folder = '', kind, ...rest] = process.argv.slice(2)
const dialThroughQemu = kind === 'user' ? (await import('../user/usernet.ts')).dialThroughQemu : undefined
const holdHost = kind === 'host' ? (await import('./host-keeper.ts')).holdHost : undefined
// Last of all that takes time: a folder without a socket that answers is soon taken for a dead network's (sweep-state.ts).
makePrivateFolder(folder)

let leaving = false
let lifeline: number | undefined
let takeDown = async () => {}

function leave(): void {
  if (!leaving) void cleanUp()
}

async function cleanUp(): Promise<void> {
  leaving = true
  if (lifeline !== undefined) closeSync(lifeline)
  await takeDown().catch((error: unknown) => {
    process.exitCode = 1
    try {
      writeSync(2, `${error instanceof Error ? error.message : String(error)}\n`)
    } catch {
      // Nobody is there to read it.
    }
  })
  // The caller's last program, a seed being written, may still be putting a file into it.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  process.exit()
}

process.stdin.on('end', leave).on('error', leave).resume()
// Process 1 ignores every signal it has no handler for.
process.on('SIGTERM', leave)
// A caller that died while we started is met first as EPIPE, from the line that tells it we are there.
process.on('uncaughtException', leave)

if (kind !== 'private') {
  const fifo = join(folder, LIFELINE)
  execFileSync('mkfifo', [fifo])
  lifeline = openSync(fifo, 'r+')
}
const dial = dialThroughQemu?.(folder) ?? dialDirectly
const server = dialServer(folder, dial)
if (holdHost) takeDown = holdHost(server, rest)

server.listen(join(folder, KEEPER_SOCKET), () => writeSync(1, 'ready\n'))
