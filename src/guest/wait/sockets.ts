import ipaddr from 'ipaddr.js'

/** A socket that something in the guest listens on. */
export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp' | 'unix'
  /** An IP address, or a path (`@…` for an abstract one). */
  readonly address: string
  /** 0 for a UNIX socket. */
  readonly port: number
}

/** The kernel's tables, without starting another program; a kernel without IPv6 lacks two of them. */
export const SOCKETS_COMMAND =
  'cd /proc/net && for table in tcp tcp6 udp udp6 unix; do echo "= $table"; cat $table 2>/dev/null; done; true'

/** include/net/tcp_states.h: TCP_LISTEN, and TCP_CLOSE, the state of an unconnected UDP socket. */
const LISTENING = { tcp: '0A', udp: '07' } as const
/** IPv4 or IPv6, and the port, in hexadecimal digits. */
const LOCAL = /^([\dA-F]{8}|[\dA-F]{32}):([\dA-F]{4})$/
/** include/uapi/linux/net.h: __SO_ACCEPTCON */
const ACCEPTS = 0x10000

export function parseSockets(text: string): ListeningSocket[] {
  return text.split(/^= /m).flatMap((table) => {
    const [name = '', ...rows] = table.trimEnd().split('\n')
    const fields = rows.slice(1).map((row) => row.trim().split(/\s+/))
    if (name === 'unix') return fields.flatMap(unixSocket)
    if (name.startsWith('tcp')) return fields.flatMap((row) => inetSocket('tcp', row))
    if (name.startsWith('udp')) return fields.flatMap((row) => inetSocket('udp', row))
    return []
  })
}

/** `tcp://0.0.0.0:22`, `tcp://[::]:22`, `unix:///run/x` */
export function socketUrl({ protocol, address, port }: ListeningSocket): string {
  if (protocol === 'unix') return `unix://${address}`
  return `${protocol}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}

/** `sl local_address rem_address st …` */
function inetSocket(protocol: 'tcp' | 'udp', [, local = '', , state]: readonly string[]): ListeningSocket[] {
  const [, address, port = ''] = LOCAL.exec(local) ?? []
  if (state !== LISTENING[protocol] || address === undefined) return []
  return [{ protocol, address: ipAddress(address), port: parseInt(port, 16) }]
}

/** `Num RefCount Protocol Flags Type St Inode Path` */
function unixSocket([, , , flags = '', , , , ...path]: readonly string[]): ListeningSocket[] {
  if (!(parseInt(flags, 16) & ACCEPTS) || path.length === 0) return []
  return [{ protocol: 'unix', address: path.join(' '), port: 0 }]
}

/** The kernel prints each 32 bits as a number: byte-swapped on x86 and ARM. */
function ipAddress(hex: string): string {
  const address = ipaddr.fromByteArray([...Buffer.from(hex, 'hex').swap32()])
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()
  return isMapped ? `::ffff:${address.toIPv4Address().toString()}` : address.toString()
}
