import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { HostError } from '../errors.ts'
import { runningNetworks } from '../guest/registry/running-guests.ts'
import { lookInside } from '../network/inside/enter.ts'
import { type Command, UsageError } from './command.ts'
import { pick } from './show/pick.ts'

export default {
  passesOn: true,
  help: `Usage: vitest-guest run ID -- COMMAND [ARGUMENT...]

Runs a program of this host on the network of a guest of another process, as network.run() does in a test: a client that
connects to the guest itself, tcpdump on its bridge, mosh.

  ID          of a guest, as listed by 'vitest-guest ssh'; the beginning of an ID is enough
  COMMAND     the program and its arguments; no shell is involved

    vitest-guest run bcd -- ping -c 1 192.168.100.224
    vitest-guest run bcd -- tcpdump -i br0

A network of kind 'user' cannot be entered: use forwarded ports.

Exit code: the program's, or 128 plus the number of the signal that ended it.
`,
  async run(args) {
    const [beginning, ...rest] = args
    const command = rest[0] === '--' ? rest.slice(1) : rest
    if (beginning === undefined || beginning.startsWith('-') || command.length === 0) {
      throw new UsageError(`usage: run ID -- COMMAND; got '${args.join(' ')}'`)
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
} satisfies Command

/** With the caller's terminal and environment: it is their program. */
async function runOn([file, ...args]: readonly [string, ...string[]]): Promise<number> {
  const child = spawn(file, args, { stdio: 'inherit' })
  // Ctrl-C reaches the program too; this process stays to report how it ended.
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
