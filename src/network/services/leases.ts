/** An address leased to a card. */
export interface Lease {
  readonly macAddress: string
  readonly address: string
  /** The name that the machine reports. */
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
