import type { Client } from 'ssh2'
import { notStarted } from './exec-errors.ts'

/**
 * Sends a signal to a whole process group, by the guest's own kill.
 * @returns whether there was such a group
 * @throws SshError when the connection is gone, or has no channel left
 */
export function signalGroup(client: Client, pid: number, signal: NodeJS.Signals): Promise<boolean> {
  const command = `kill -s ${signal.slice('SIG'.length)} -- -${pid}`
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(notStarted(command, cause))
    try {
      client.exec(command, (error, channel) => {
        if (error) return fail(error)
        let code: number | null = null
        channel.on('exit', (exitCode: number | null) => (code = exitCode))
        channel.on('error', () => {})
        channel.on('close', () => resolve(code === 0))
        channel.resume().stderr.resume()
      })
    } catch (cause) {
      fail(cause)
    }
  })
}
