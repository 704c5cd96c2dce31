import { badOption } from '../../errors/bad-option.ts'
import { isPlainObject, refuseUnknown } from '../check.ts'

/** The bridge of a `host` network. */
export interface BridgeOptions {
  /** Its name, at most 15 characters. It must not exist yet, unless it is to be adopted. */
  name: string
  /**
   * Use an existing bridge of this name, instead of failing. Its addresses are flushed, and restored at the end; other interfaces on
   * it stay. If there is none, it is created.
   * @default false
   */
  adopt?: boolean
}

/** IFNAMSIZ is 16, with the NUL (linux/if.h). */
const LONGEST_NAME = 15
const HINT = "Write bridge: { name: 'br0' }, or bridge: { name: 'br0', adopt: true } to use an existing one."

export function parseBridge(bridge: unknown, kind: string): BridgeOptions {
  if (!isPlainObject(bridge)) throw badOption('bridge', 'an object', bridge, HINT)
  const { name, adopt = false } = refuseUnknown(bridge, ['name', 'adopt'], 'bridge.')
  if (typeof name === 'string' && Buffer.byteLength(name) > LONGEST_NAME) {
    const expected = `at most ${LONGEST_NAME} characters, the kernel's limit for the name of an interface`
    throw badOption('bridge.name', expected, name, HINT)
  }
  // The kernel rejects slashes, colons and white space (dev_valid_name), and ip(8) takes a word with a leading minus for an option.
  if (typeof name !== 'string' || !/^[^\s/:%-][^\s/:%]*$/.test(name) || /^\.{1,2}$/.test(name)) {
    throw badOption('bridge.name', 'a valid interface name', name, HINT)
  }
  if (typeof adopt !== 'boolean') throw badOption('bridge.adopt', 'true or false', adopt, HINT)
  if (kind !== 'host') throw badOption('bridge', "omitted unless kind is 'host'", bridge, "Add kind: 'host'.")
  return { name, adopt }
}
