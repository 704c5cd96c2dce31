import { EventEmitter } from 'node:events'
import type { Client } from 'ssh2'
import { hold } from '../lifetime/hold.ts'

const OPENERS = ['exec', 'shell', 'subsys', 'sftp', 'forwardOut', 'openssh_forwardOutStreamLocal'] as const
type Callback = (error: unknown, channel?: unknown) => void

/** An idle connection does not keep the process alive; one with an open or opening channel does. */
export function holdChannels(client: Client): void {
  for (const name of OPENERS) {
    const open = client[name].bind(client) as (...args: unknown[]) => Client
    const opener = (...args: unknown[]) => {
      const callback = args.at(-1)
      if (typeof callback !== 'function') return open(...args)
      const held = hold()
      const release = () => {
        held[Symbol.dispose]()
        client.off('close', release)
      }
      client.once('close', release)
      const answer: Callback = (error, channel) => {
        if (channel instanceof EventEmitter) channel.once('close', release)
        else release()
        ;(callback as Callback)(error, channel)
      }
      try {
        return open(...args.slice(0, -1), answer)
      } catch (error) {
        release()
        throw error
      }
    }
    Object.assign(client, { [name]: opener })
  }
}
