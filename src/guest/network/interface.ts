import type { Network } from '../../network/network.ts'

/** Options of an additional network card of a guest. */
export interface InterfaceOptions {
  /** An open network. @default the guest's own */
  network?: Network
  /** Its static IPv4 address there, or false for a card that is up without one. @default as for `address` of a guest on that network */
  address?: string | false
  /** Its hardware address. @default as for `macAddress` of a guest */
  macAddress?: string
}

/** An additional network card of a guest. */
export interface Interface {
  readonly network: Network
  /** Undefined for a card without one. */
  readonly address: string | undefined
  readonly macAddress: string
}
