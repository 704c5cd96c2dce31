import { closeSync, openSync } from 'node:fs'

/**
 * Why a device node cannot be opened for reading and writing: the errno name, or undefined when it can.
 *
 * Opened for real rather than asked with access(2), which knows nothing of a container's device list (EPERM) or of a
 * driver that is not loaded (ENODEV, ENXIO). Opening /dev/kvm or /dev/net/tun changes nothing.
 */
export function whyUnopenable(path: string): string | undefined {
  try {
    closeSync(openSync(path, 'r+'))
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown reason'
  }
}
