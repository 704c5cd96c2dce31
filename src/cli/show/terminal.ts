import { once } from 'node:events'
import { constants } from 'node:os'
import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2'
import { SshError } from '../../errors.ts'

const { stdin, stdout, stderr } = process

/**
 * Connects this process's standard streams to a shell in the guest, or to a command. If they are a terminal, it gets one too,
 * of the same size.
 * @returns its exit code; as in a shell, 128 plus the number of the signal that ended it
 * @throws SshError when the connection is lost.
 */
export async function joinTerminal(client: Client, command?: string): Promise<number> {
  const isTerminal = stdin.isTTY && stdout.isTTY
  const channel = await open(client, command, isTerminal)
  let exitCode: number | undefined
  channel.on('exit', (code: number | null, signal?: string) => (exitCode ??= code ?? codeOf(signal)))
  channel.on('error', () => {})
  const resize = () => channel.setWindow(size().rows, size().cols, 0, 0)
  if (isTerminal) {
    stdin.setRawMode(true)
    stdout.on('resize', resize)
  }
  const closed = once(channel, 'close')
  // The reader of our output may exit first.
  stdout.on('error', () => channel.close())
  channel.pipe(stdout, { end: false })
  channel.stderr.pipe(stderr, { end: false })
  stdin.pipe(channel)
  try {
    await closed
  } finally {
    if (isTerminal) stdin.setRawMode(false)
    stdout.off('resize', resize)
    // Otherwise it keeps the process alive.
    stdin.destroy()
  }
  if (exitCode === undefined) throw new SshError('The connection to the guest was lost')
  return exitCode
}

function open(client: Client, command: string | undefined, isTerminal: boolean): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const opened = (error: Error | undefined, channel: ClientChannel) => (error ? reject(error) : resolve(channel))
    const pty: PseudoTtyOptions | undefined = isTerminal ? { ...size(), term: 'xterm-256color' } : undefined
    if (command !== undefined) client.exec(command, pty ? { pty } : {}, opened)
    else if (pty) client.shell(pty, opened)
    else client.shell(false, opened)
  })
}

function size(): { rows: number; cols: number } {
  return { rows: stdout.rows || 24, cols: stdout.columns || 80 }
}

function codeOf(signal: string | undefined): number {
  const numbers: Readonly<Record<string, number>> = constants.signals
  return 128 + (numbers[signal ?? ''] ?? 0)
}
