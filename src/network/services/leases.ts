/** An address that a card was given for a time. */
export interface Lease {
  readonly macAddress: string
  readonly address: string
  /** What the machine calls itself. */
  readonly hostname: string
}

/** dnsmasq's lease file: a line each, of expiry, MAC address, address, name (`*` for none) and client ID. */
export function parseLeases(text: string): Lease[] {
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((words) => words.length === 5)
    .map(([, macAddress = '', address = '', name = '']) => ({
      macAddress,
      address,
      hostname: name === '*' ? '' : name,
    }))
}
