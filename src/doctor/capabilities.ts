import type { Accelerator } from '../accelerator/accelerator.ts'
import type { Capability } from './capability.ts'
import { installCommand, missingPackages } from './missing-packages.ts'
import { probeKvm, probeNamespaces, probeTun } from './probe-kernel.ts'
import { probeNetworks } from './probe-networks.ts'
import {
  probeArchitecture,
  probeCache,
  probeMemory,
  probeNode,
  probeTemporaryFolder,
  probeUserIds,
} from './probe-resources.ts'
import { probeTools } from './probe-tools.ts'

export interface Capabilities {
  /** Nothing that a boot needs is missing. */
  readonly canBoot: boolean
  /** What `accel: 'auto'` uses on this host. */
  readonly accelerator: Accelerator
  /** The kind of network that `network: 'auto'` uses; undefined when there is none. */
  readonly network?: 'private' | 'host' | 'user'
  readonly items: readonly Capability[]
  /** Debian packages that are not installed and are needed, for a boot or for building the default image. */
  readonly packages: readonly string[]
  /** The one command that installs them; undefined when there are none. */
  readonly install?: string
}

/** Checks everything that a guest needs of this host, by trying it if necessary. Takes up to about 2 s. */
export async function probeHost(): Promise<Capabilities> {
  const [tools, namespaces, kvm, cache] = await Promise.all([probeTools(), probeNamespaces(), probeKvm(), probeCache()])
  const parts = [probeTun(), ...namespaces, ...tools]
  const { kind, ...networks } = await probeNetworks(parts)
  const items = [
    probeArchitecture(),
    probeNode(),
    kvm,
    ...parts,
    networks,
    probeUserIds(),
    cache,
    probeMemory(),
    probeTemporaryFolder(),
  ]
  const packages = missingPackages()
  return {
    canBoot: items.every(({ state }) => state !== 'missing'),
    accelerator: kvm.state === 'ok' ? 'kvm' : 'tcg',
    ...(kind && { network: kind }),
    items,
    packages,
    ...(packages.length > 0 && { install: installCommand(packages) }),
  }
}
