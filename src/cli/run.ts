import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { HostError } from '../errors.ts'
import { runningNetworks } from '../guest/registry/running-guests.ts'
import { lookInside } from '../network/inside/look-inside.ts'
import type { Command } from './command.ts'
import { pick } from './show/pick.ts'
import { UsageError } from './usage-error.ts'

export const runCommand: Command = {
  passesOn: true,
  help: `Usage: vitest-guest run ID -- COMMAND [ARGUMENT...]

Runs a program of this host on the network of a guest that runs in another process, as network.run() does in a test: a client that dials the
guest by itself, tcpdump on its bridge, mosh.

  ID          of a guest, as 'vitest-guest ssh' lists them; its beginning will do
  COMMAND     the program and its arguments; no shell reads them

    vitest-guest run bcd -- ping -c 1 192.168.100.224
    vitest-guest run bcd -- tcpdump -i br0

On a network of kind 'user' there is nothing to enter: use forwarded ports.

Exit code: the program's; 128 and the number of the signal that ended it.
`,
  async run(args) {
    const [beginning, ...rest] = args
    const command = rest[0] === '--' ? rest.slice(1) : rest
    if (beginning === undefined || beginning.startsWith('-') || command.length === 0) {
      throw new UsageError(`write run ID -- COMMAND; got '${args.join(' ')}'`)
    }
    const networks = await runningNetworks()
    const ids = networks.flatMap(({ guests }) => guests.map(({ id }) => id))
    const [id] = pick('running guest', ids, [beginning])
    const network = networks.find(({ guests }) => guests.some((guest) => guest.id === id))
    if (!network || network.kind === 'user') {
      throw new UsageError(`guest ${id} is on a network of kind 'user', which is inside QEMU; forward a port instead`)
    }
    return runOn(lookInside(network)(command))
  },
}

/** With the terminal and the environment of whoever calls: it is their program. */
async function runOn([file, ...args]: readonly [string, ...string[]]): Promise<number> {
  const child = spawn(file, args, { stdio: 'inherit' })
  // Ctrl-C goes to the program too; this process has to stay to tell how that ended.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return code ?? 128 + constants.signals[signal ?? 'SIGKILL']
  } catch (cause) {
    throw new HostError(`${file} could not be started`, { cause, hint: 'Run npx vitest-guest doctor.' })
  } finally {
    process.off('SIGINT', ignore)
  }
}
