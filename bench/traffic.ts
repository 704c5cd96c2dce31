import { openNetwork } from 'vitest-guest/core'
import type { Image } from '../src/image/resolve-image.ts'
import { openByHand } from './by-hand.ts'
import { median } from './median.ts'

/** Of two guests on a bridge: bits per second from one to the other, and milliseconds of a round trip, one number per turn. */
interface Measured {
  throughput: number[]
  ping: number[]
}

export type Traffic = Record<'byHand' | 'ours', Measured>

/** Turns of each pair in a round. */
const TURNS = 30
const WARM_UPS = 5
const SECONDS = 1
/** Round trips of a turn. */
const PINGS = 25
const PORT = 5001

/** Tells the sender how many bytes have arrived. */
const RECEIVER = `
import socket, threading
server = socket.create_server(("", ${PORT}))
def receive(sender):
    space, count = bytearray(1 << 20), 0
    while True:
        size = sender.recv_into(space)
        if not size: break
        count += size
    sender.sendall(b"%d" % count)
    sender.close()
while True: receive(server.accept()[0])
`
const SENDER = `
import socket, sys, time
receiver = socket.create_connection((sys.argv[1], ${PORT}))
data = bytes(1 << 20)
began = time.monotonic()
while time.monotonic() < began + ${SECONDS}: receiver.sendall(data)
receiver.shutdown(socket.SHUT_WR)
count = int(receiver.recv(99))
print(round(count * 8 / (time.monotonic() - began)))
`

/** Two running guests, and how each runs a command that writes one line. */
interface Pair {
  readonly addresses: readonly [string, string]
  ask(address: string, command: string): Promise<string>
}

/** Traffic between two guests of ours and between two by hand. */
export async function measureTraffic(image: Image, accel: 'kvm' | 'tcg', rounds: number): Promise<Traffic> {
  const measured = { byHand: nothing(), ours: nothing() }
  for (let round = 1; round <= rounds; round++) {
    await measureRound(image, accel, measured)
    const said = (['byHand', 'ours'] as const).map((who) => {
      const { throughput, ping } = measured[who]
      return `${who} ${(median(throughput.slice(-TURNS)) / 1e6).toFixed(0)} Mbit/s, ping ${median(ping.slice(-TURNS)).toFixed(3)} ms`
    })
    console.log(`  round ${round}: ${said.join('; ')}`)
  }
  return measured
}

/**
 * All four guests boot the same kernel, told the same, from the same image, and stay up while the pairs take turns. Other ones in
 * each round: how fast an emulated guest is differs from one boot to the next.
 */
async function measureRound(image: Image, accel: 'kvm' | 'tcg', measured: Traffic): Promise<void> {
  // All of our kernel's parameters, except those for our seed.
  const append = image.direct?.append.replace(/ systemd\.mask=\S+/, '') ?? ''
  await using network = await openNetwork()
  // At the same time, so that neither pair finds the other one's memory and caches in use.
  const booting = Promise.all(['one', 'two'].map((hostname) => network.boot({ hostname, start: 'cold' })))
  booting.catch(() => {})
  await using byHand = await openByHand(image, accel, 225, [append])
  const guests = await booting
  const [one, two] = guests.map(({ address }) => address)
  if (one === undefined || two === undefined) throw new TypeError('There are two guests')
  const pairs: Record<'byHand' | 'ours', Pair> = {
    byHand: {
      addresses: ['192.168.100.224', '192.168.100.225'],
      ask: (address, command) => byHand.ask(address, command),
    },
    ours: {
      addresses: [one, two],
      ask: async (address, command) => {
        const guest = guests.find((each) => each.address === address)
        return (await guest?.exec(command))?.stdout ?? ''
      },
    },
  }
  for (const pair of Object.values(pairs)) {
    const start = `systemd-run --quiet -- python3 -c ${inBash(RECEIVER)} && sleep 2 && echo started`
    await pair.ask(pair.addresses[1], start)
    // An emulator translates code when it first runs, so the first ones pay for all later ones.
    for (let each = 0; each < WARM_UPS; each++) await turn(pair)
  }
  for (let each = 0; each < TURNS; each++) {
    // The order changes from turn to turn.
    for (const who of each % 2 === 0 ? (['ours', 'byHand'] as const) : (['byHand', 'ours'] as const)) {
      const { throughput, ping } = await turn(pairs[who])
      measured[who].throughput.push(throughput)
      measured[who].ping.push(ping)
    }
  }
}

const nothing = (): Measured => ({ throughput: [], ping: [] })

/** @returns the throughput, and the median of the round trips */
async function turn({ addresses: [from, to], ask }: Pair): Promise<{ throughput: number; ping: number }> {
  const throughput = Number(await ask(from, `python3 -c ${inBash(SENDER)} ${to}`))
  const shown = await ask(
    from,
    `ping -n -c ${PINGS} -i 0.02 ${to} | sed -n 's/.*time=\\([0-9.]*\\) ms/\\1/p' | tr '\\n' ' '; echo`,
  )
  return { throughput, ping: median(shown.trim().split(' ').map(Number)) }
}

/** As one word, on one line, for a guest's bash. */
function inBash(program: string): string {
  return `$'${program.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
}
