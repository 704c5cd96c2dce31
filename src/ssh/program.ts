import type { Client, ClientChannel } from 'ssh2'
import { SshError } from '../errors.ts'

/** A script that runs in the guest, with its streams. */
export interface Program {
  /** Its stdout, and its stdin. */
  readonly channel: ClientChannel
  /** What it said in its first line on stderr, after its pid. */
  readonly greeting: Promise<string>
  /** How it ended. @throws SshError when the connection is lost first */
  readonly ended: Promise<ProgramEnding>
  /** Ends its process group, with time to tidy up, and waits for that. */
  stop(): Promise<void>
}

export interface ProgramEnding {
  readonly exitCode: number | undefined
  /** E.g. `'SIGTERM'`. */
  readonly signal: string | undefined
  readonly stderr: string
}

/** Milliseconds that an emulated guest is given to remove what a stopped script had begun. */
const STOP_BUDGET = 10_000
/**
 * Milliseconds after which a program that goes on is told again to end: a shell that is just about to start a program takes the
 * signal for itself, and the program, which never saw it, waits for more input (dash: 7 of 400 times within its first 8 ms).
 */
const STOP_INTERVAL = 500
/** Characters of stderr that are kept. */
const KEPT = 100_000

/**
 * Runs a script by the login shell in a channel of its own. `tell` in it, once, makes it known on stderr by its pid, which
 * is that of its process group too; stdout and stdin are the script's own. `what` names the act, for messages.
 * @throws SshError when no channel can be had
 */
export async function startProgram(client: Client, script: string, what: string): Promise<Program> {
  const lost = () => new SshError(`The SSH connection was lost: ${what}`)
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    const onClose = () => reject(lost())
    client.once('close', onClose)
    const refuse = (cause: unknown) => reject(new SshError(`SSH did not start a program: ${what}`, { cause }))
    try {
      client.exec(`tell() { echo "$$ $*" >&2; }\n${script}`, (error, opened) => {
        client.off('close', onClose)
        if (error) refuse(error)
        else resolve(opened)
      })
    } catch (cause) {
      client.off('close', onClose)
      refuse(cause)
    }
  })

  let said = ''
  let pid: number | undefined
  let stopping = false
  let greet = (_words: string) => {}
  const greeting = new Promise<string>((resolve) => (greet = resolve))
  let again: NodeJS.Timeout | undefined
  const killWhenKnown = () => {
    if (!stopping || pid === undefined) return
    try {
      client.exec(`kill -s TERM -- -${pid}`, (_error, opened?: ClientChannel) => {
        opened?.resume().on('error', () => {})
        opened?.once('close', () => {
          if (stopping) again = setTimeout(killWhenKnown, STOP_INTERVAL)
        })
      })
    } catch {
      // The connection is gone, and with it the way to the program.
    }
  }
  channel.stderr.on('data', (chunk: Buffer) => {
    if (said.length < KEPT) said += chunk.toString()
    const lineEnd = said.indexOf('\n')
    if (pid !== undefined || lineEnd === -1) return
    pid = Number.parseInt(said, 10)
    greet(said.slice(said.indexOf(' ') + 1, lineEnd))
    killWhenKnown()
  })
  channel.on('error', () => {})
  const ended = new Promise<ProgramEnding>((resolve, reject) => {
    let exit: Pick<ProgramEnding, 'exitCode' | 'signal'> | undefined
    const onLost = () => reject(lost())
    client.once('close', onLost)
    channel.on('exit', (code: number | null, signal?: string) => (exit ??= { exitCode: code ?? undefined, signal }))
    channel.on('close', () => {
      client.off('close', onLost)
      greet('')
      const stderr = said.slice(said.indexOf('\n') + 1)
      if (exit) resolve({ ...exit, stderr })
      else onLost()
    })
  })
  ended.catch(() => {})

  const stop = async () => {
    stopping = true
    killWhenKnown()
    channel.resume()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_BUDGET)))
    await Promise.race([ended.catch(() => {}), late])
    stopping = false
    for (const each of [timer, again]) clearTimeout(each)
    channel.close()
  }
  return { channel, greeting, ended, stop }
}
