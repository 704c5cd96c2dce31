import type { Network } from '../../network/network.ts'
import { openNetwork as open, type OpenOptions } from '../../network/open-network.ts'
import { bootGuest } from '../start/boot-guest.ts'
import type { GuestNetwork } from './guest-network.ts'
import { GuestRegistry, type RegisteredNetwork } from './guest-registry.ts'

/**
 * Opens a host-only network for guests. It is closed, after its guests, when it is disposed of or this process ends.
 *
 * @throws GuestError for a bad option; HostError when a tool or /dev/net/tun is missing; NetworkError when the kernel
 * refuses the namespaces or the bridge.
 */
export async function openNetwork(options: OpenOptions = {}): Promise<GuestNetwork> {
  return new OpenGuestNetwork(await open(options))
}

/** A network and the registry of its guests. The network's methods are forwarded, as functions that need no `this`. */
export class OpenGuestNetwork implements RegisteredNetwork {
  readonly registry: GuestRegistry
  readonly #network: Network
  readonly kind: Network['kind']
  readonly reason: Network['reason']
  readonly bridge: Network['bridge']
  readonly subnet: Network['subnet']
  readonly gateway: Network['gateway']
  readonly subnet6: Network['subnet6']
  readonly mtu: Network['mtu']
  readonly dhcpRange: Network['dhcpRange']
  readonly egress: Network['egress']
  readonly dhcp: Network['dhcp']
  readonly backend: Network['backend']
  readonly ready: Network['ready']
  readonly stateFolder: Network['stateFolder']
  readonly socketPath: Network['socketPath']
  #isClosing = false

  constructor(network: Network) {
    this.#network = network
    this.kind = network.kind
    this.reason = network.reason
    this.bridge = network.bridge
    this.subnet = network.subnet
    this.gateway = network.gateway
    this.subnet6 = network.subnet6
    this.mtu = network.mtu
    this.dhcpRange = network.dhcpRange
    this.egress = network.egress
    this.dhcp = network.dhcp
    this.backend = network.backend
    this.ready = network.ready
    this.stateFolder = network.stateFolder
    this.socketPath = network.socketPath
    this.registry = new GuestRegistry(network)
  }

  get guests() {
    return this.registry.guests
  }
  readonly boot: GuestNetwork['boot'] = (options = {}) => bootGuest({ ...options, network: this })

  async [Symbol.asyncDispose](): Promise<void> {
    // A guest that opened the network for itself disposes of it; do not wait for that guest then.
    if (!this.#isClosing) {
      this.#isClosing = true
      await this.registry.close()
    }
    await this.#network[Symbol.asyncDispose]()
  }

  get members() {
    return this.#network.members
  }
  get attachments() {
    return this.#network.attachments
  }

  readonly attach: Network['attach'] = (...args) => this.#network.attach(...args)
  readonly reserve: Network['reserve'] = (...args) => this.#network.reserve(...args)
  readonly reserveFor: Network['reserveFor'] = (...args) => this.#network.reserveFor(...args)
  readonly partition: Network['partition'] = (...groups) => this.#network.partition(...groups)
  readonly heal: Network['heal'] = () => this.#network.heal()
  readonly neighbours: Network['neighbours'] = (...args) => this.#network.neighbours(...args)
  readonly run: Network['run'] = (...args) => this.#network.run(...args)
  readonly inside: Network['inside'] = (command) => this.#network.inside(command)
  readonly keep: Network['keep'] = (seconds) => this.#network.keep(seconds)
  readonly dial: Network['dial'] = (...args) => this.#network.dial(...args)
  readonly datagrams: Network['datagrams'] = (...args) => this.#network.datagrams(...args)
  readonly expose: Network['expose'] = (...args) => this.#network.expose(...args)
}
