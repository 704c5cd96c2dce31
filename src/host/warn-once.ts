import { visible } from '../visible.ts'

const said = new Set<string>()

/** A warning on stderr, once per process for each text. */
export function warnOnce(message: string): void {
  if (said.has(message)) return
  said.add(message)
  process.emitWarning(visible(message), 'GuestWarning')
}
