/** The vendors' own cloud images, for x86_64. Where they are, and what they are known by: src/image/catalogue/. */
const FACTS = {
  'debian-12-cloud': { memoryMib: 512, latest: true },
  'debian-13-cloud': { memoryMib: 512, latest: true },
  'ubuntu-22.04': { memoryMib: 1024, latest: true },
  'ubuntu-22.04-minimal': { memoryMib: 1024, latest: true },
  'ubuntu-24.04': { memoryMib: 1024, latest: true },
  'ubuntu-24.04-minimal': { memoryMib: 1024, latest: true },
  'ubuntu-26.04': { memoryMib: 1024, latest: true },
  'ubuntu-26.04-v3': { memoryMib: 1024, latest: true },
  'ubuntu-26.04-minimal': { memoryMib: 1024, latest: true },
  'fedora-42': { memoryMib: 2048, latest: false },
  'fedora-43': { memoryMib: 2048, latest: false },
  'fedora-44': { memoryMib: 2048, latest: false },
  'almalinux-9': { memoryMib: 1536, latest: true },
  'almalinux-10': { memoryMib: 2048, latest: true },
  'almalinux-10-v2': { memoryMib: 2048, latest: true },
  'rocky-9': { memoryMib: 1536, latest: true },
  'rocky-10': { memoryMib: 2048, latest: true },
  'centos-stream-9': { memoryMib: 1536, latest: true },
  'centos-stream-10': { memoryMib: 2048, latest: true },
  // Rolling, without a build of a fixed name.
  'opensuse-leap-16': { memoryMib: 1024, latest: false },
  archlinux: { memoryMib: 512, latest: true },
  'alpine-3.23': { memoryMib: 512, latest: false },
} as const

type Facts = typeof FACTS

/** A release of a vendor. */
export type VendorRelease = keyof Facts
type Latest = { [Name in VendorRelease]: Facts[Name]['latest'] extends true ? Name : never }[VendorRelease]

/** The name of a vendor's image: a release, which is one build of it that never changes, or the newest build of a release. */
export type VendorImageName = VendorRelease | `${Latest}-latest`

const LATEST = '-latest'

export const VENDOR_RELEASES = Object.keys(FACTS) as VendorRelease[]
export const VENDOR_IMAGE_NAMES: readonly VendorImageName[] = VENDOR_RELEASES.flatMap((name) =>
  FACTS[name].latest ? [name, `${name}${LATEST}` as VendorImageName] : [name],
)

export function isVendorImageName(name: unknown): name is VendorImageName {
  return (VENDOR_IMAGE_NAMES as readonly unknown[]).includes(name)
}

/** The release that a name is of, and whether its newest build is meant. */
export function releaseOf(name: VendorImageName): { release: VendorRelease; isLatest: boolean } {
  const isLatest = name.endsWith(LATEST)
  return { release: (isLatest ? name.slice(0, -LATEST.length) : name) as VendorRelease, isLatest }
}

/** MiB: an estimate of what the system needs; nobody has measured it. */
export function vendorMemoryMib(name: VendorImageName): number {
  return FACTS[releaseOf(name).release].memoryMib
}
