import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { HostError, NetworkError } from '../../errors.ts'
import { programEnvironment } from '../../host/environment.ts'
import { requireStreams } from '../../host/program/require-streams.ts'
import { letGo } from '../../host/program/let-go.ts'
import { requireTool } from '../../host/program/tools.ts'
import { until } from '../../lifetime/until.ts'
import type { Egress } from '../../options/network/egress.ts'
import type { NetworkLayout } from '../../options/network/network-options.ts'
import { make, type Bridged } from '../bridged-network.ts'
import { forbiddenDestinations } from './forbidden-destinations.ts'
import { runInside } from '../inside/run-inside.ts'
import type { PrivateKeeper } from '../keeper/start-keeper.ts'
import { wayOutCommands, wayOutSettings } from './way-out-commands.ts'

const TAP = 'egress0'
/** Descriptors that slirp4netns inherits: it ends when the one breaks, and writes to the other when it is ready. */
const EXIT_FD = 3
const READY_FD = 4

/** slirp4netns's arguments: it makes a TAP in the namespace of the process `pid`, and is what answers there. */
function slirpArguments({ subnet, mtu }: NetworkLayout, pid: number): string[] {
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
 * Gives a network its way out: user-mode NAT, which needs no rights outside. It ends with the keeper, however that one ends.
 * @throws HostError when slirp4netns is not installed; NetworkError with what it says when it does not start, and when what it
 * must not lead to cannot be kept from it
 */
export async function startSlirp(
  egress: Egress,
  keeper: PrivateKeeper,
  bridged: Bridged,
  signal?: AbortSignal,
): Promise<void> {
  const program = requireTool('slirp4netns')
  const child = spawn(program, slirpArguments(bridged, keeper.pid), {
    // A session of its own: Ctrl-C in the terminal is not for it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', keeper.lifeline, 'pipe'],
    env: programEnvironment(),
  })
  requireStreams(child, [program])
  // Node has stopped reading a stream that a child was given; but its end has to be seen for the keeper's.
  keeper.lifeline.resume()
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const failed = once(child, 'close').then(([exitCode]) => {
    throw new NetworkError('slirp4netns exited, so the network has no egress', {
      command: child.spawnargs.join(' '),
      exitCode: (exitCode as number | null) ?? undefined,
      stderr,
      hint: 'Omit egress for a network without outside access.',
    })
  })
  failed.catch(() => {})
  await until(signal, Promise.race([once(child.stdio[READY_FD] as Readable, 'data'), failed]))
  letGo(child)
  await routeTo(egress, keeper, bridged, signal)
}

/** It leads nowhere before all of this is done. */
async function routeTo(
  egress: Egress,
  keeper: PrivateKeeper,
  bridged: Bridged,
  signal: AbortSignal | undefined,
): Promise<void> {
  const names = { bridge: bridged.bridge, tap: TAP }
  const { on, off } = wayOutSettings(names)
  const set = (value: string, files: readonly string[]) =>
    runInside(keeper, [requireTool('tee'), ...files], { input: value, signal })
  await Promise.all([set('1', on), set('0', off)]).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw new NetworkError('Egress cannot be routed: /proc/sys/net of the network is not writable', {
      cause,
      stderr: cause instanceof HostError ? cause.stderr : undefined,
      hint: 'Where /proc/sys is read-only, as in a container, mount it writable, or omit egress.',
    })
  })
  const { mtu, gateway } = bridged
  const commands = wayOutCommands({ ...names, mtu, gateway, ...egress, forbidden: forbiddenDestinations(egress) })
  await make(bridged, commands, 'set up egress', signal)
}
