import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { NetworkError } from '../errors.ts'
import { programEnvironment } from '../host/environment.ts'
import { requireStreams } from '../host/require-streams.ts'
import { requireTool } from '../host/tools.ts'
import { until } from '../lifetime/until.ts'
import type { NetworkPlace } from '../options/network-options.ts'
import { make, type Bridged } from './bridged-network.ts'
import { joinCommands } from './ip-commands.ts'
import type { PrivateKeeper } from './start-keeper.ts'

const TAP = 'egress0'
/** Descriptors that slirp4netns inherits: it ends when the one breaks, and writes to the other when it is ready. */
const EXIT_FD = 3
const READY_FD = 4

/** slirp4netns's arguments: it makes a TAP in the namespace of the process `pid`, and is what answers there. */
export function slirpArguments({ subnet, mtu }: NetworkPlace, pid: number): string[] {
  return [
    `--cidr=${subnet.cidr}`,
    `--mtu=${mtu}`,
    // Its router's address would be the host's 127.0.0.1 too.
    '--disable-host-loopback',
    `--exit-fd=${EXIT_FD}`,
    `--ready-fd=${READY_FD}`,
    `${pid}`,
    TAP,
  ]
}

/**
 * Puts a way out on the bridge: user-mode NAT, which needs no rights outside. It ends with the keeper, however that one ends.
 * @throws HostError when slirp4netns is not installed; NetworkError with what it says when it does not start
 */
export async function startSlirp(keeper: PrivateKeeper, bridged: Bridged, signal?: AbortSignal): Promise<void> {
  const program = requireTool('slirp4netns')
  const child = spawn(program, slirpArguments(bridged, keeper.pid), {
    // A session of its own: Ctrl-C in the terminal is not for it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', keeper.life, 'pipe'],
    env: programEnvironment(),
  })
  requireStreams(child, [program])
  // Node has stopped reading a stream that a child was given; but its end has to be seen for the keeper's.
  keeper.life.resume()
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const failed = once(child, 'close').then(([exitCode]) => {
    throw new NetworkError('slirp4netns has ended, so there is no way out', {
      command: child.spawnargs.join(' '),
      exitCode: (exitCode as number | null) ?? undefined,
      stderr,
      hint: 'Leave out egress: true for a network without a way out.',
    })
  })
  failed.catch(() => {})
  await until(signal, Promise.race([once(child.stdio[READY_FD] as Readable, 'data'), failed]))
  child.unref()
  const commands = `link set dev ${TAP} mtu ${bridged.mtu}\n${joinCommands(TAP, bridged.bridge)}`
  await make(bridged, commands, 'way out', signal)
}
