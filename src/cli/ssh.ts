import { readFile } from 'node:fs/promises'
import type { Client } from 'ssh2'
import { SshError } from '../errors.ts'
import { runningGuests, type RunningGuest } from '../guest/registry/running-guests.ts'
import { Deadline } from '../lifetime/deadline.ts'
import { dialThrough } from '../network/keeper/dial.ts'
import { connectSsh } from '../ssh/connect.ts'
import { type Command, UsageError } from './command.ts'
import { pick } from './show/pick.ts'
import { print } from './print.ts'
import { renderTable } from './show/table.ts'
import { joinTerminal } from './show/terminal.ts'
import { durationText } from './show/units.ts'

const SSH_PORT = 22
/** Milliseconds, for a guest that is up. */
const CONNECT_BUDGET = 30_000

export default {
  passesOn: true,
  help: `Usage: vitest-guest ssh
       vitest-guest ssh ID [COMMAND...]
       vitest-guest ssh --config ID

Connects to a guest of another process: of a test that is being debugged, or of vitest-guest shell.

  (no ID)     lists the running guests
  ID          opens a root shell in a guest; the beginning of an ID is enough
  COMMAND     runs in root's shell instead; everything after ID belongs to it
  --config    prints the guest's ssh_config, for OpenSSH, rsync and Ansible:
                vitest-guest ssh --config ID > guest.conf
                scp -F guest.conf file ID:/tmp/
                ANSIBLE_SSH_ARGS='-F guest.conf' ansible all -i ID, -m ping

Finds only guests of this user, and only in $TMPDIR (default /tmp).

Exit code: the shell's or the command's.
`,
  async run(args) {
    const guests = await runningGuests()
    const [first, ...command] = args
    if (first === undefined) return print(renderGuests(guests, Date.now()))
    if (first === '--config' && command.length === 1) {
      return print(await readFile(choose(guests, command[0] ?? '').sshConfig, 'utf8'))
    }
    if (first.startsWith('-'))
      throw new UsageError(`usage: ssh, ssh ID [COMMAND...], or ssh --config ID; got '${first}'`)
    return openShellIn(choose(guests, first), command.length > 0 ? command.join(' ') : undefined)
  },
} satisfies Command

export function renderGuests(guests: readonly RunningGuest[], now: number): string {
  if (guests.length === 0) return 'No guests are running.\n'
  const rows = guests.map(({ id, hostname, address, image, pid, startedAt }) => {
    return [id, hostname, address, image, durationText(now - startedAt), `process ${pid}`]
  })
  return renderTable(['ID', 'HOSTNAME', 'ADDRESS', 'IMAGE', 'AGE', 'OF'], rows)
}

function choose(guests: readonly RunningGuest[], beginning: string): RunningGuest {
  const ids = guests.map(({ id }) => id)
  const [id] = pick('running guest', ids, [beginning])
  return guests.find((guest) => guest.id === id) as RunningGuest
}

async function openShellIn(guest: RunningGuest, command: string | undefined): Promise<number> {
  const client = await connectTo(guest)
  try {
    return await joinTerminal(client, command)
  } finally {
    client.end()
  }
}

async function connectTo({ socketPath, address, hostPublicKey, keyFile }: RunningGuest): Promise<Client> {
  using deadline = new Deadline(CONNECT_BUDGET, { late: silent })
  const privateKey = await readFile(keyFile, 'utf8')
  const socket = await dialThrough(socketPath, address, SSH_PORT, deadline.signal)
  return await connectSsh(socket, { user: 'root', hostPublicKey, privateKey }, deadline.signal)
}

function silent(): SshError {
  return new SshError(`The guest did not accept the SSH login within ${CONNECT_BUDGET / 1000} s`, {
    hint: 'Is it paused or overloaded? In the process that runs it, guest.console and guest.screenshot() show its state.',
  })
}
