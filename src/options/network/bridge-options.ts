import { badOption } from '../../errors/bad-option.ts'
import { isPlainObject, refuseUnknown } from '../check.ts'

/** The bridge of a `host` network. */
export interface BridgeOptions {
  /** Its name, of at most 15 characters. It must not be there yet, unless it is to be adopted. */
  name: string
  /**
   * Take a bridge of this name that is there, instead of an error. Its addresses are flushed, and put back at the end; what else
   * is on it stays. One that is not there is made.
   * @default false
   */
  adopt?: boolean
}

/** IFNAMSIZ is 16, with the NUL (linux/if.h). */
const LONGEST_NAME = 15
const HINT = "Write bridge: { name: 'br0' }, or bridge: { name: 'br0', adopt: true } to take one that is there."

/** @throws GuestError naming the option that is at fault. */
export function parseBridge(bridge: unknown, kind: string): BridgeOptions {
  if (!isPlainObject(bridge)) throw badOption('bridge', 'an object', bridge, HINT)
  const { name, adopt = false } = refuseUnknown(bridge, ['name', 'adopt'], 'bridge.')
  if (typeof name === 'string' && Buffer.byteLength(name) > LONGEST_NAME) {
    throw badOption(
      'bridge.name',
      `at most ${LONGEST_NAME} characters, the kernel's limit for the name of an interface`,
      name,
      HINT,
    )
  }
  // The kernel refuses the slash, the colon and white space (dev_valid_name), and ip(8) takes a word with a minus for an option.
  if (typeof name !== 'string' || !/^[^\s/:%-][^\s/:%]*$/.test(name) || /^\.{1,2}$/.test(name)) {
    throw badOption('bridge.name', 'the name of an interface', name, HINT)
  }
  if (typeof adopt !== 'boolean') throw badOption('bridge.adopt', 'true or false', adopt, HINT)
  if (kind !== 'host') {
    throw badOption('bridge', "omitted unless kind is 'host'", bridge, "Add kind: 'host'.")
  }
  return { name, adopt }
}
