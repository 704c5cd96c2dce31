import { HostError } from '../../errors.ts'
import { whyUnopenable } from './device.ts'

export const DEVICE = '/dev/net/tun'

/** For all users, until the next boot; 0666 is udev's default anyway. */
const OPEN_TO_ALL = 'sudo chmod 0666 /dev/net/tun'
const LOAD = 'sudo modprobe tun'

/** Cheap: only opens and closes the device. @throws HostError when no TAP can be created */
export function requireTun(): void {
  const code = whyUnopenable(DEVICE)
  if (code === undefined) return
  const { what, fix } = tunFault(code)
  throw new HostError(what, { hint: `Fix: ${fix} (npx vitest-guest doctor checks everything else)` })
}

/** What an errno from opening the device means, and the command that fixes it. */
export function tunFault(code: string): { what: string; fix: string } {
  switch (code) {
    case 'ENOENT':
      return fault('is missing', `${LOAD}; for a container, start it with --device ${DEVICE}`)
    case 'ENODEV':
    case 'ENXIO':
      return fault(`has no driver behind it (${code})`, LOAD)
    case 'EPERM':
      return fault('is forbidden here (EPERM)', `start the container with --device ${DEVICE}`)
    default:
      return fault(`cannot be read and written by this user (${code})`, OPEN_TO_ALL)
  }
}

function fault(why: string, fix: string): { what: string; fix: string } {
  return { what: `${DEVICE} ${why}: no TAP can be created`, fix }
}
