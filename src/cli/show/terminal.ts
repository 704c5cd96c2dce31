import { once } from 'node:events'
import { constants } from 'node:os'
import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2'
import { SshError } from '../../errors.ts'

const { stdin, stdout, stderr } = process

/**
 * Joins this process's standard streams with a shell in the guest, or with a command. Where they are a terminal, the guest
 * has one too, of the same size.
 * @returns its exit code; as a shell has it, 128 and the signal's number when a signal ended it
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
    // Or it would keep the process waiting for more.
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
