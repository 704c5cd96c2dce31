import { NetworkError } from '../errors.ts'
import { run } from '../host/run.ts'
import { requireTool } from '../host/tools.ts'
import { requireTun } from '../host/tun.ts'
import { acquire } from '../lifetime/disposers.ts'
import { until } from '../lifetime/until.ts'
import { resolveNetwork, type NetworkOptions } from '../options/guest-options.ts'
import { dialThrough } from './dial.ts'
import { expose } from './expose.ts'
import { BRIDGE, bridgeCommands, removeTapCommands, tapCommands } from './ip-commands.ts'
import type { Network, Tap } from './network.ts'
import { startKeeper } from './start-keeper.ts'

/**
 * Opens a host-only network that ends with this process, or when disposed.
 *
 * @throws GuestError for a bad option; HostError when a tool or /dev/net/tun is missing; NetworkError when the kernel
 * refuses the namespaces or the bridge.
 */
export async function openNetwork(options: OpenOptions = {}): Promise<Network> {
  const network = await beginNetwork(options)
  try {
    await until(options.signal, network.ready)
    return network
  } catch (error) {
    await network[Symbol.asyncDispose]()
    throw error
  }
}

export type OpenOptions = NetworkOptions & { signal?: AbortSignal }

/** The same, back as soon as machines can be started on it: before it can be dialed, and before its folder is there. */
export async function beginNetwork(options: OpenOptions): Promise<Network> {
  const { signal, ...rest } = options
  const spec = resolveNetwork(rest)
  const ip = requireTool('ip')
  requireTun()
  return acquire(async (disposers) => {
    const keeper = disposers.use(await startKeeper(signal))
    const taps: string[] = []
    let made = 0
    let closed = false
    let kept = false

    const batch = async (commands: string, purpose: string, batchSignal?: AbortSignal) => {
      const [file, ...args] = keeper.inside([ip, '-batch', '-'])
      await run(file, args, { input: commands, signal: batchSignal }).catch((cause: unknown) => {
        batchSignal?.throwIfAborted()
        throw new NetworkError(`The ${purpose} could not be made`, {
          cause,
          stderr: cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : undefined,
          hint: 'Run npx vitest-guest doctor to see what this host lacks.',
        })
      })
    }

    const addTap = async (tapSignal?: AbortSignal): Promise<Tap> => {
      const name = `tap${made++}`
      await batch(tapCommands(name), `TAP ${name}`, tapSignal)
      taps.push(name)
      return {
        name,
        [Symbol.asyncDispose]: async () => {
          const index = taps.indexOf(name)
          // A network that has closed took its TAPs with it.
          if (closed || index === -1) return
          taps.splice(index, 1)
          await batch(removeTapCommands(name), `removal of TAP ${name}`)
        },
      }
    }

    await batch(bridgeCommands(spec), `bridge ${BRIDGE}`, signal)
    return {
      kind: 'private',
      bridge: BRIDGE,
      subnet: spec.subnet,
      gateway: spec.gateway,
      taps,
      ready: keeper.ready,
      stateFolder: keeper.folder,
      socketPath: keeper.socketPath,
      addTap,
      inside: (command) => keeper.inside(command),
      keep: (seconds) => {
        kept = true
        return keeper.hold(seconds)
      },
      dial: async (address, port, dialSignal) => {
        await keeper.ready
        return dialThrough(keeper.socketPath, address, port, dialSignal)
      },
      expose: async (port, server) => {
        await keeper.ready
        const { folder: stateFolder, socketPath } = keeper
        return disposers.use(await expose({ address: spec.gateway, port, stateFolder, socketPath }, server))
      },
      [Symbol.asyncDispose]: async () => {
        if (kept) return
        closed = true
        return disposers[Symbol.asyncDispose]()
      },
    }
  })
}
