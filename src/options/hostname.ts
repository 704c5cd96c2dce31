import { badOption } from '../errors/bad-option.ts'

/** RFC 1123, one label. */
const HOSTNAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i
/** In every machine's own /etc/hosts. */
const OWN = ['localhost', 'ip6-localhost', 'ip6-loopback']
const HINT = "Write hostname: 'web-1'."

export function checkHostname(hostname: unknown): string {
  if (typeof hostname !== 'string' || !HOSTNAME.test(hostname)) {
    throw badOption('hostname', 'one label of letters, digits and hyphens', hostname, HINT)
  }
  if (!OWN.includes(hostname.toLowerCase())) return hostname
  throw badOption('hostname', 'a name other than localhost, which every machine uses for itself', hostname, HINT)
}
