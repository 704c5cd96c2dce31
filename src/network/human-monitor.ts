import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** What QEMU answers on QMP; it also tells of events there. */
interface Reply {
  readonly return?: unknown
  readonly error?: { readonly desc: string }
}

/** The words of QEMU's human monitor, which has commands that QMP has not, one after the other. */
export interface HumanMonitor {
  /** The answer as it is shown to people, empty for most commands. @throws when QEMU refuses or is gone */
  say(command: string): Promise<string>
}

/** Greets QEMU on a UNIX socket that speaks QMP. `onClose` is told when QEMU is gone, or was not there at all. */
export async function humanMonitor(path: string, onClose: () => void): Promise<HumanMonitor> {
  const socket = connect(path)
  const waiting: { resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = []
  let closed: Error | undefined
  const close = (error: Error) => {
    closed ??= error
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  socket.on('error', close).once('close', () => {
    close(new Error('QEMU has ended'))
    onClose()
  })
  createInterface(socket)
    .on('line', (line) => {
      const { return: answer, error } = JSON.parse(line) as Reply
      if (error) waiting.shift()?.reject(new Error(error.desc))
      else if (answer !== undefined) waiting.shift()?.resolve(answer)
    })
    .on('error', () => {})
  // Answers come in the order of the commands.
  const execute = (command: string, args?: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closed) return reject(closed)
      waiting.push({ resolve, reject })
      socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    })
  await execute('qmp_capabilities')
  return { say: async (command) => String(await execute('human-monitor-command', { 'command-line': command })) }
}
