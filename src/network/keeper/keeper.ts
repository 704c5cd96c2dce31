/**
 * The program that holds a network. Arguments: the state folder, and of what kind the network is.
 *
 * It lives as long as its standard input is open: as long as the process that started it, however that ends. It removes
 * the state folder when it exits. What runs on the network ends with it:
 *
 * - `private`: it is process 1 of a PID namespace, in a separate network namespace. When it exits, the kernel kills
 *   everything else in the former (QEMU, dnsmasq), and the latter vanishes with its bridge and TAPs.
 * - `user`: QEMU is on its lifeline (see lifeline.ts).
 * - `host`: the same; it also creates bridge and TAPs, and takes them down (see host-keeper.ts).
 *
 * It also dials for processes outside: an HTTP server on a UNIX path socket that answers CONNECT. Path sockets cross
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
// After everything that takes time, because a folder without an answering socket counts as a dead network's (sweep-state.ts).
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
      // Nobody reads it any more.
    }
  })
  // The caller's last program, such as a seed's writer, may still be creating files in it.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  process.exit()
}

process.stdin.on('end', leave).on('error', leave).resume()
// Process 1 ignores every signal it has no handler for.
process.on('SIGTERM', leave)
// If the caller died while we started, the line that reports us fails with EPIPE.
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
