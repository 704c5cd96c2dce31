import { HostError } from '../../errors.ts'

interface Child {
  readonly stdio: unknown
  on(event: 'error', listener: () => void): unknown
}

/**
 * Node gives a child no streams when this process has no descriptor to spare, whatever its types say, and tells why by an
 * event later on.
 * @throws HostError
 */
export function requireStreams(child: Child, command: readonly string[]): void {
  if (child.stdio !== undefined) return
  // Without a listener the event would end the process.
  child.on('error', () => {})
  const program = command[0]?.split('/').at(-1)
  throw new HostError(`${program} could not be started: this process has too many open files (EMFILE)`, {
    command: command.join(' '),
    code: 'EMFILE',
    hint: 'Raise the limit (ulimit -n), or close guests, connections and transfers that are no longer needed.',
  })
}
