import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { QEMU_FOLDER } from '../../host/files/state-names.ts'
import { dialDirectly, type DialAddress } from '../keeper/dial-server.ts'
import { turns } from '../../lifetime/turns.ts'
import { humanMonitor, type HumanMonitor } from '../../qmp/qmp.ts'

/** QEMU's socket, in its folder of a `user` network. */
export const MONITOR = 'sock'
/** QEMU's name for the network: the other end of the first card. */
const NETDEV = 'net0'
/** Milliseconds. QEMU repeats ARP requests once a second, so a guest that has not answered by then can be dialed again. */
const ANSWER_LIMIT = 1000
const BETWEEN_LOOKS = 5

/** A TCP connection, or a listener, of QEMU's user network. */
export interface Connection {
  /** `HOST_FORWARD` for a listener, else the state of a TCP connection. */
  readonly state: string
  /** The port on 127.0.0.1. */
  readonly hostPort: number
  readonly address: string
  readonly port: number
}

/** The TCP connections from the host that `info usernet` shows. */
export function connections(usernet: string): Connection[] {
  const row = /^\s*TCP\[(\w+)\]\s+-?\d+\s+127\.0\.0\.1\s+(\d+)\s+(\S+)\s+(\d+)\s/gm
  return [...usernet.matchAll(row)].map(([, state = '', hostPort, address = '', port]) => ({
    state,
    hostPort: Number(hostPort),
    address,
    port: Number(port),
  }))
}

/**
 * Dials the guest of a QEMU with a user network. QEMU forwards ports of 127.0.0.1, and accepts a connection there before the
 * guest has answered, so each dial uses a separate port, whose state QEMU's table shows. The kernel chooses the port when QEMU
 * binds it, so nobody can take it first, and it is closed once it has been used, so that nothing else on this host gets in.
 */
export function dialThroughQemu(folder: string): DialAddress {
  let monitor: Promise<HumanMonitor> | undefined
  /** Two listeners for the same port of the guest must not be mistaken for each other. */
  const inTurn = turns()

  // QEMU accepts one client at a time, and the network may get another QEMU later.
  const open = () => humanMonitor(join(folder, QEMU_FOLDER, MONITOR), () => (monitor = undefined))
  const say = async (command: string) => (await (monitor ??= open())).say(command)
  const rows = async () => connections(await say('info usernet'))

  const listen = async (address: string, port: number): Promise<number> => {
    const before = new Set((await rows()).map(({ hostPort }) => hostPort))
    const refusal = await say(`hostfwd_add ${NETDEV} tcp:127.0.0.1:0-${address}:${port}`)
    const made = (await rows()).find(({ state, hostPort }) => state === 'HOST_FORWARD' && !before.has(hostPort))
    if (!made) throw new Error(`QEMU forwards no port: ${refusal.trim()}`)
    return made.hostPort
  }

  return async (address, port, signal) => {
    const hostPort = await inTurn(() => listen(address, port))
    try {
      const socket = await dialDirectly('127.0.0.1', hostPort, signal)
      // It may be reset before the caller listens.
      socket.on('error', () => {})
      try {
        const look = async () => (await rows()).find((row) => row.hostPort === hostPort && row.state !== 'HOST_FORWARD')
        await answered(socket, look, signal)
        return socket
      } catch (error) {
        socket.destroy()
        throw error
      }
    } finally {
      // A QEMU that has exited in the meantime forwards nothing.
      await say(`hostfwd_remove ${NETDEV} tcp:127.0.0.1:${hostPort}`).catch(() => {})
    }
  }
}

/** Waits until the guest has accepted or refused a connection that QEMU has already accepted. */
async function answered(
  socket: Socket,
  look: () => Promise<Connection | undefined>,
  signal: AbortSignal,
): Promise<void> {
  let over = false as boolean
  const end = () => (over = true)
  socket.once('end', end).once('error', end)
  try {
    for (const deadline = performance.now() + ANSWER_LIMIT; ;) {
      // A stream that is not being read does not report its end unless asked.
      socket.read(0)
      const wasOver = over
      const row = await look()
      if (row && !row.state.startsWith('SYN_')) return
      if (!row && wasOver) throw new Error('ECONNREFUSED: the guest refused the connection')
      if (performance.now() > deadline) throw new Error(`EHOSTUNREACH: no answer within ${ANSWER_LIMIT} ms`)
      await sleep(BETWEEN_LOOKS, undefined, { signal })
    }
  } finally {
    socket.off('end', end).off('error', end)
  }
}
