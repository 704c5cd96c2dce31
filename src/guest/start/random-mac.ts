import { randomBytes } from 'node:crypto'

/** Locally administered, unicast, in QEMU's customary range. */
export function randomMac(): string {
  return ['52', '54', '00', ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':')
}
