import type { Network } from '../../network/network.ts'

/** One more card of a guest. */
export interface InterfaceOptions {
  /** An open network. @default the guest's own */
  network?: Network
  /** Its static IPv4 address there, or false for a card that is up and has none. @default as `address` of a guest of that network */
  address?: string | false
  /** Its hardware address. @default as `macAddress` of a guest */
  macAddress?: string
}

/** A card that a guest has besides its first. */
export interface Interface {
  readonly network: Network
  /** Undefined for a card without one. */
  readonly address: string | undefined
  readonly macAddress: string
}
