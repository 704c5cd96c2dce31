import { addImage } from '../../image/add-image.ts'
import { pullImage } from '../../image/pull-image.ts'
import { isVendorImageName } from '../../options/vendor-images.ts'
import { parseDigest, parseImage, type Digest } from '../../options/image.ts'
import { UsageError } from '../command.ts'
import { print, printAside } from '../print.ts'
import { sizeText } from '../show/units.ts'

interface DigestOptions {
  readonly sha256?: string | undefined
  readonly sha512?: string | undefined
}

const onProgress = (line: string) => printAside(`${line}\n`)

/** Downloads or builds images, one after the other, after checking all names. */
export async function pull(names: readonly string[], digests: DigestOptions): Promise<void> {
  const digest = digestOf(digests)
  if (names.length === 0) throw new UsageError('usage: image pull NAME...')
  if (digest && names.length > 1) throw new UsageError('--sha256 and --sha512 are for a single URL')
  const specs = names.map((name) => parseImage(isUrl(name) ? { url: name, ...digests } : name))
  if (digest && !isUrl(names[0] ?? '')) throw new UsageError('--sha256 and --sha512 are for a URL')
  for (const spec of specs) {
    const { label, disk, size } = await pullImage(spec, onProgress)
    print(`${label}  ${sizeText(size)} disk  ${disk.path}\n`)
  }
}

/** Adds a file that was fetched elsewhere. */
export async function add(operands: readonly string[], digests: DigestOptions): Promise<void> {
  const [wanted, file, ...more] = operands
  if (wanted === undefined || file === undefined || more.length > 0) throw new UsageError('usage: image add NAME FILE')
  const [, algorithm, digits] = /^(sha256|sha512):(.*)$/.exec(wanted) ?? []
  const addition =
    algorithm === undefined
      ? { name: nameOf(wanted), digest: digestOf(digests) }
      : { name: undefined, digest: parseDigest('NAME', algorithm as 'sha256' | 'sha512', digits) }
  const { label, size, disk } = await addImage(addition, file, onProgress)
  print(`${label}  ${sizeText(size)} disk  ${disk.path}\n`)
}

function nameOf(wanted: string) {
  if (isVendorImageName(wanted)) return wanted
  const spec = parseImage(wanted)
  throw new UsageError(
    'base' in spec
      ? `${wanted} is built on this host; it cannot be added`
      : `NAME must be that of a vendor's image, or a digest as sha256:DIGITS; got ${wanted}`,
  )
}

function digestOf({ sha256, sha512 }: DigestOptions): Digest | undefined {
  if (sha256 !== undefined && sha512 !== undefined) throw new UsageError('use one of --sha256 and --sha512')
  if (sha256 !== undefined) return parseDigest('--sha256', 'sha256', sha256)
  return sha512 === undefined ? undefined : parseDigest('--sha512', 'sha512', sha512)
}

function isUrl(name: string): boolean {
  return /^(?:https?|file):/.test(name)
}
