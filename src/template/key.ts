import { createHash } from 'node:crypto'
import { cpus } from 'node:os'
import { qemuArguments, type MachineConfig } from '../machine/command-line.ts'
import type { Network } from '../network/network.ts'
import type { GuestSpec } from '../options/guest-options.ts'
import { nameServerOf, type NetworkLayout } from '../options/network/network-options.ts'
import { FORMAT_VERSION } from './store.ts'
import { armCommand } from './identity/resume-agent.ts'

/** What a frozen guest knows of its network. */
export type NetworkFacts = NetworkLayout & Pick<Network, 'backend'>

export interface CardFacts {
  readonly network: NetworkFacts
  readonly address: string | undefined
  /** Undefined if any will do. */
  readonly macAddress: string | undefined
}

export interface KeyFacts {
  readonly spec: GuestSpec
  readonly network: NetworkFacts
  /** Its further cards. @default none */
  readonly cards?: readonly CardFacts[]
  readonly accel: 'kvm' | 'tcg'
  readonly imageDigest: string
  readonly direct: MachineConfig['direct']
  /** What `qemu-system-x86_64 --version` says. */
  readonly qemuVersion: string
  /** With KVM a guest has seen the host's processor. */
  readonly processor?: string
  /** Whether the template is only for guests with this name and address. */
  readonly hasOwnIdentity: boolean
}

/** Stands for what differs between clones, or is random. */
const ANY = '*'

/** Everything that determines a template's content, as one name: if any of it changes, it is another template. */
export function templateKey({
  spec,
  network,
  cards = [],
  accel,
  imageDigest,
  direct,
  qemuVersion,
  processor = cpus()[0]?.model ?? '',
  hasOwnIdentity,
}: KeyFacts): string {
  const commandLine = qemuArguments({
    name: ANY,
    accel,
    memoryMib: spec.memoryMib,
    cpus: spec.cpus,
    disk: { path: ANY, format: 'qcow2' },
    direct: direct && { kernel: ANY, initrd: ANY, append: direct.append },
    seed: ANY,
    nics: [network, ...cards.map((card) => card.network)].map(({ backend }) => ({
      model: spec.nic,
      macAddress: ANY,
      netdev: backend,
    })),
    memoryFile: { path: ANY, shared: false },
    incoming: true,
  })
  const { hostname, address, addressing, macAddress, rootPassword, cloudConfig, cloudInitErrors } = spec
  const { subnet, gateway, subnet6, mtu } = network
  const content = {
    formatVersion: FORMAT_VERSION,
    imageDigest,
    qemuVersion,
    commandLine,
    // It is frozen along with the guest.
    resumeAgent: armCommand('end'),
    guest: {
      rootPassword,
      cloudConfig,
      // A template that was built with errors is only for guests that accept them.
      ...(cloudInitErrors === 'warn' && { cloudInitErrors }),
      ...(addressing === 'dhcp' && { addressing }),
      ...(hasOwnIdentity && { hostname, address, macAddress }),
    },
    network: {
      prefix: subnet.prefix,
      broadcast: subnet.broadcast,
      gateway,
      subnet6: subnet6?.cidr,
      mtu,
      nameServer: nameServerOf(network),
      wayOut: network.egress?.router,
    },
    ...(cards.length > 0 && {
      cards: cards.map(({ network: { subnet, gateway, subnet6, mtu }, address, macAddress }) => {
        return { cidr: subnet.cidr, gateway, subnet6: subnet6?.cidr, mtu, address, macAddress }
      }),
    }),
    ...(accel === 'kvm' && { processor }),
  }
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32)
}
