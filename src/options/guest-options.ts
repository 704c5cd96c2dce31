import { badOption } from '../errors/bad-option.ts'
import { oneOf, refuseUnknown } from './check.ts'
import { parseCloudConfig } from './cloud-config.ts'
import { isInRange } from './network/dhcp.ts'
import { defaultAddress, freeAddress } from './network/free-address.ts'
import { checkHostname } from './hostname.ts'
import { parseImage, type ImageOption, type ImageSpec } from './image.ts'
import { hostAddress } from '../address/ipv4.ts'
import { parseKernelParameters } from './kernel-parameters.ts'
import { baseOf, machineOptionsOf, makeLayer } from './layer.ts'
import { macAddressOf } from '../address/mac-address.ts'
import { memoryMib } from './memory.ts'
import { checkPassword } from './password.ts'
import { reservedOn, type Addressing } from './network/network-options.ts'
import type { NetworkKind, NetworkLayout, NetworkOptions } from './network/network-options.ts'
import { resolveTimeouts, type Timeouts } from './timeouts.ts'
import { vendorMemoryMib } from './vendor-images.ts'

/** Options of a guest, apart from its name and its network. */
export interface MachineOptions {
  /**
   * `'debian-12'` (or 11, 13), the same with more packages (`{ base: 'debian-12', packages: ['nginx'] }`), a vendor's cloud image by its name
   * (`'ubuntu-24.04'`), a qcow2 or raw disk with its own boot loader and cloud-init (its absolute path, or `{ url, sha256 }`), or
   * a machine that is prepared once, as `layer()` returns it: options that the guest omits are then those of the layer. The image is
   * never written to.
   * @default 'debian-12'
   */
  image?: ImageOption
  /** Size with its unit. @default '512M', or what the vendor of the image asks for if that is more */
  memory?: string
  /** Virtual CPUs. @default 2 */
  cpus?: number
  /**
   * The guest's static IPv4 address.
   * @default '192.168.100.224', else the subnet's second host address; on a network with other guests, the next free one
   */
  address?: string
  /**
   * `dhcp`: it requests its address by DHCP, and gets `address`, or the first free one of the network's range. This needs a
   * network with `addressing: 'dhcp'`, which a network that the guest opens for itself then has.
   * @default that of the network
   */
  addressing?: Addressing
  /** Root's password. @default a long random one, available as `guest.rootPassword` */
  rootPassword?: string
  /** A cloud-config document, merged over ours: lists are appended, other values replaced. @default {} */
  cloudConfig?: Record<string, unknown>
  /**
   * Whether errors in `cloudConfig` (a failing command in `runcmd`, an unknown key, a value of the wrong type) fail the start, or are only
   * listed in `guest.warnings`. cloud-init sees only the exit code of the last command in `runcmd`, unless the first one is `set -e`.
   * @default 'throw'
   */
  cloudInitErrors?: 'throw' | 'warn'
  /**
   * Kernel parameters, as on the command line, appended to those of the image: `['crashkernel=128M', 'mitigations=auto']`. Only
   * for an image whose kernel is booted directly, such as `debian-12`; a disk with its own boot loader sets its own.
   * https://docs.kernel.org/admin-guide/kernel-parameters.html
   * @default []
   */
  kernelParameters?: readonly string[]
  /** `auto` uses KVM if it actually runs 64-bit code, otherwise emulation. @default 'auto' */
  accel?: 'auto' | 'kvm' | 'tcg'
  /**
   * The model of the guest's network card. `e1000` needs a kernel with a driver for it: not the one in `debian-12`, but the one
   * in the package `linux-image-amd64`.
   * @default 'virtio-net-pci'
   */
  nic?: 'virtio-net-pci' | 'e1000'
  /** The card's hardware address. @default a random one, locally administered: `52:54:00:…` */
  macAddress?: string
  /**
   * `warm`: start a copy-on-write clone of a template, a machine with these options that was booted once and frozen when it was
   * ready; the template is built first if the cache has none. `cold`: boot.
   * @default 'warm'
   */
  start?: 'warm' | 'cold'
  timeouts?: Timeouts
}

/** Options of a guest, and of the network that it opens for itself. */
export interface GuestOptions extends MachineOptions {
  /** @default 'guest' */
  hostname?: string
  /** The network it opens for itself: its kind, or all its options. @default 'auto' */
  network?: NetworkKind | NetworkOptions
  /** Subnet of the network that the guest opens for itself. @default '192.168.100.0/24' */
  subnet?: string
  /** Gateway of the network that the guest opens for itself. @default '192.168.100.50', else the subnet's first host address */
  gateway?: string
}

/** Validated options with all defaults filled in. */
export interface GuestSpec extends Readonly<Required<Pick<GuestOptions, KeptAsGiven>>> {
  readonly image: ImageSpec
  readonly memoryMib: number
  readonly cloudConfig: Readonly<Record<string, unknown>>
  readonly rootPassword: string | undefined
  readonly macAddress?: string
  readonly timeouts: Required<Timeouts>
}

type KeptAsGiven =
  'cpus' | 'hostname' | 'address' | 'addressing' | 'cloudInitErrors' | 'kernelParameters' | 'accel' | 'nic' | 'start'

export const DEFAULT_HOSTNAME = 'guest'

/**
 * @param taken the addresses of the network's other guests
 * @throws GuestError naming the option, what was expected, what was given, and what to write instead.
 */
export function resolveGuest(options: GuestOptions, network: NetworkLayout, taken: readonly string[] = []): GuestSpec {
  const { image = 'debian-12', ...own } = refuseUnknown(options, GUEST_OPTION_NAMES)
  const imageSpec = parseImage(image)
  const base = baseOf(imageSpec)
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => (value as unknown) !== undefined))
  const {
    memory,
    cpus = 2,
    hostname = DEFAULT_HOSTNAME,
    address: wantedAddress,
    addressing: wantedAddressing,
    macAddress,
    rootPassword,
    cloudConfig = {},
    cloudInitErrors = 'throw',
    kernelParameters = [],
    accel = 'auto',
    nic = 'virtio-net-pci',
    start = 'warm',
    timeouts = {},
  } = { ...machineOptionsOf(imageSpec), ...given } as GuestOptions
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > 255)
    throw badOption('cpus', 'a whole number from 1 to 255', cpus, 'Write cpus: 2.')
  const addressing = addressingOn(network, wantedAddressing)
  const address = wantedAddress ?? freeAddress(network, taken, addressing)
  return {
    image: imageSpec,
    memoryMib: memory === undefined ? defaultMemoryMib(base) : memoryMib(memory),
    cpus,
    hostname: checkHostname(hostname),
    addressing,
    address: guestAddress(address, addressing, network),
    rootPassword: checkPassword(rootPassword),
    cloudConfig: parseCloudConfig(cloudConfig),
    cloudInitErrors: oneOf('cloudInitErrors', cloudInitErrors, ['throw', 'warn']),
    kernelParameters: parseKernelParameters(kernelParameters, base),
    accel: oneOf('accel', accel, ['auto', 'kvm', 'tcg']),
    nic: drivable(oneOf('nic', nic, ['virtio-net-pci', 'e1000']), base),
    ...(macAddress !== undefined && { macAddress: macAddressOf(macAddress) }),
    start: oneOf('start', start, ['warm', 'cold']),
    timeouts: resolveTimeouts(timeouts),
  }
}

/** What of a guest is frozen with it, or is written to its disk when it boots; the rest follows from its network. */
const FROZEN = [
  'memoryMib', 'cpus', 'rootPassword', 'cloudConfig', 'cloudInitErrors', 'kernelParameters', 'nic',
] as const satisfies readonly (keyof GuestSpec)[] // prettier-ignore

/** The guest as the layer that it starts from was prepared; undefined when it starts from none. */
export function asPrepared(spec: GuestSpec, network: NetworkLayout): GuestSpec | undefined {
  const { image } = spec
  if (!('layer' in image)) return undefined
  const own = resolveGuest({ image: makeLayer(image.layer) }, network)
  return { ...spec, ...Object.fromEntries(FROZEN.map((name) => [name, own[name]])) }
}

/** The same guest on the network that was opened: if its subnet had to move, the address is a default too. */
export function movedTo(network: NetworkLayout, spec: GuestSpec, before: NetworkLayout): GuestSpec {
  return network.subnet.cidr === before.subnet.cidr ? spec : { ...spec, address: defaultAddress(network) }
}

export const GUEST_OPTION_NAMES = [
  'image', 'memory', 'cpus', 'hostname', 'address', 'addressing', 'network', 'subnet', 'gateway', 'rootPassword', 'cloudConfig',
  'cloudInitErrors', 'kernelParameters', 'accel', 'nic', 'macAddress', 'start', 'timeouts',
] as const satisfies readonly (keyof GuestOptions)[] // prettier-ignore

function addressingOn({ dhcpRange }: NetworkLayout, wanted: unknown = dhcpRange ? 'dhcp' : 'static'): Addressing {
  const addressing = oneOf('addressing', wanted, ['static', 'dhcp'])
  if (addressing === 'static' || dhcpRange) return addressing
  const hint = "Open the network with addressing: 'dhcp'."
  throw badOption('addressing', "'static' on a network without DHCP", wanted, hint)
}

/** The address of a further card, which is always static. */
export function staticAddress(
  address: unknown,
  network: NetworkLayout,
  taken: readonly string[],
  option: string,
): string {
  return guestAddress(address ?? freeAddress(network, taken), 'static', network, option)
}

function guestAddress(address: unknown, addressing: Addressing, network: NetworkLayout, option = 'address'): string {
  const { subnet, gateway, dhcpRange, egress } = network
  const checked = hostAddress(option, address, subnet)
  if (checked === gateway) {
    const hint = 'Use another address, or give the bridge another one with the network option gateway.'
    throw badOption(option, `an address other than the bridge's own (gateway ${gateway})`, address, hint)
  }
  if (egress && reservedOn(network).includes(checked)) {
    const expected = `an address other than ${egress.router} and ${egress.nameServer}, which egress uses`
    throw badOption(option, expected, address, 'Use another address.')
  }
  if (addressing === 'static' && dhcpRange && isInRange(dhcpRange, checked)) {
    const expected = `outside the network's DHCP range (${dhcpRange.first} to ${dhcpRange.last}) when it is static`
    const hint = "Use another address, or addressing: 'dhcp', which reserves this one for the guest."
    throw badOption(option, expected, address, hint)
  }
  return checked
}

function defaultMemoryMib(image: ImageSpec): number {
  return Math.max(512, 'vendor' in image ? vendorMemoryMib(image.vendor) : 0)
}

/** Debian's cloud kernel only has drivers for virtual hardware (`CONFIG_E1000 is not set`). */
function drivable(nic: GuestSpec['nic'], image: ImageSpec): GuestSpec['nic'] {
  const isCloudKernel = 'base' in image && !image.packages.some((name) => name.startsWith('linux-image-'))
  if (nic !== 'e1000' || !isCloudKernel) return nic
  const expected = "'virtio-net-pci' with the kernel of debian-12, which has no driver for e1000"
  const hint = "Use a kernel that has one: image: { base: 'debian-12', packages: ['linux-image-amd64'] }."
  throw badOption('nic', expected, nic, hint)
}
