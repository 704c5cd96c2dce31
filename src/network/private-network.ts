import { NetworkError } from '../errors.ts'
import { run } from '../host/run.ts'
import { requireTool } from '../host/tools.ts'
import { requireTun } from '../host/tun.ts'
import { acquire } from '../lifetime/disposers.ts'
import type { NetworkSpec } from '../options/network-options.ts'
import { dialThrough } from './dial.ts'
import { expose } from './expose.ts'
import { BRIDGE, bridgeCommands, removeTapCommands, tapCommands } from './ip-commands.ts'
import { Members } from './members.ts'
import type { Attachment, Network } from './network.ts'
import { startKeeper } from './start-keeper.ts'

/** A bridge and TAPs in namespaces of their own, held by a keeper. */
export async function privateNetwork(spec: NetworkSpec, signal?: AbortSignal): Promise<Network> {
  const ip = requireTool('ip')
  requireTun()
  return acquire(async (disposers) => {
    const keeper = disposers.use(await startKeeper(signal))
    const members = new Members()
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

    const attach: Network['attach'] = async ({ hostname, address }, tapSignal) => {
      const member = { hostname, address }
      members.admit(member)
      const tap = `tap${made++}`
      try {
        await batch(tapCommands(tap), `TAP ${tap}`, tapSignal)
      } catch (error) {
        members.leave(member)
        throw error
      }
      const attachment: Attachment = {
        member,
        tap,
        netdev: `tap,ifname=${tap},script=no,downscript=no`,
        [Symbol.asyncDispose]: async () => {
          // A network that has closed took its TAPs with it.
          if (members.leave(member) && !closed) await batch(removeTapCommands(tap), `removal of TAP ${tap}`)
        },
      }
      members.arrive(attachment)
      return attachment
    }

    await batch(bridgeCommands(spec), `bridge ${BRIDGE}`, signal)
    return {
      kind: 'private',
      backend: 'tap',
      bridge: BRIDGE,
      subnet: spec.subnet,
      gateway: spec.gateway,
      get attachments() {
        return members.attachments
      },
      ready: keeper.ready,
      stateFolder: keeper.folder,
      socketPath: keeper.socketPath,
      attach,
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
