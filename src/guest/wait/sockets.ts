/** A socket that something in the guest listens on. */
export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp' | 'unix'
  /** An IP address, or a path (`@…` for an abstract one). */
  readonly address: string
  /** 0 for a UNIX socket. */
  readonly port: number
}

/** What the kernel knows, without a program to start for it; a kernel without IPv6 has two tables less. */
export const SOCKETS_COMMAND =
  'cd /proc/net && for table in tcp tcp6 udp udp6 unix; do echo "= $table"; cat $table 2>/dev/null; done; true'

/** include/net/tcp_states.h: TCP_LISTEN, and TCP_CLOSE, which is that of a UDP socket that is not connected. */
const LISTENING = { tcp: '0A', udp: '07' } as const
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
  if (state !== LISTENING[protocol]) return []
  const [address = '', port = ''] = local.split(':')
  return [{ protocol, address: ipAddress(address), port: parseInt(port, 16) }]
}

/** `Num RefCount Protocol Flags Type St Inode Path` */
function unixSocket([, , , flags = '', , , , ...path]: readonly string[]): ListeningSocket[] {
  if (!(parseInt(flags, 16) & ACCEPTS) || path.length === 0) return []
  return [{ protocol: 'unix', address: path.join(' '), port: 0 }]
}

/** The kernel prints each 32 bits as a number of its own, on x86 and ARM the wrong way round. */
function ipAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse())
  if (bytes.length === 4) return bytes.map((byte) => parseInt(byte, 16)).join('.')
  const groups = bytes.join('').match(/.{4}/g) ?? []
  const mapped = bytes.slice(0, 12).join('') === '00000000000000000000ffff'.toUpperCase()
  if (mapped)
    return `::ffff:${bytes
      .slice(12)
      .map((byte) => parseInt(byte, 16))
      .join('.')}`
  // The URL parser knows how to shorten it.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
