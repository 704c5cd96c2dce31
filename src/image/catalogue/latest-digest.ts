import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../cache/seal.ts'
import { ImageError } from '../../errors.ts'
import { messageOf } from '../../host/message-of.ts'
import { parseJson } from '../../host/parse-json.ts'
import type { Digest } from '../../options/image.ts'
import type { VendorImageName } from '../../options/vendor-images.ts'
import { findDownloaded } from '../download/origin.ts'
import { readText } from '../download/read-text.ts'
import type { Progress } from '../image.ts'
import { imagesFolder } from '../images-folder.ts'
import { findChecksum } from './checksums.ts'
import type { Latest } from './entry.ts'
import { mirrored } from './mirror.ts'

const DAY = 86_400_000

/** A vendor's newest build when it was last looked up. */
interface Note {
  /** Of its checksum file. */
  readonly url: string
  readonly digest: Digest
  /** Milliseconds since the epoch: the last attempt to look it up. */
  readonly lookedAt: number
}

interface LookUp {
  readonly onProgress: Progress
  readonly signal?: AbortSignal | undefined
  /** Whether an answer of the last day will do. @default true */
  readonly mayBeOld?: boolean
}

/**
 * The digest of a vendor's newest build. The vendor is asked at most once a day, and need not be reachable while the cache has the
 * last known build.
 * @throws ImageError
 */
export async function latestDigest(
  name: VendorImageName,
  latest: Latest,
  { onProgress, signal, mayBeOld = true }: LookUp,
): Promise<Digest> {
  const url = mirrored(latest.checksums)
  const known = await readNote(name)
  if (mayBeOld && known?.url === url && Math.abs(Date.now() - known.lookedAt) < DAY) return known.digest
  let text: string
  try {
    text = await readText(url, signal)
  } catch (error) {
    signal?.throwIfAborted()
    if (!known || !(await findDownloaded(known.digest))) throw unreachable(name, url, error)
    onProgress(`${name}: using the image in the cache, since ${url} cannot be read (${messageOf(error)})`)
    await noteLatest(name, { ...known, url })
    return known.digest
  }
  const digest = findChecksum(text, latest)
  if (digest === undefined) {
    throw new ImageError(`The checksum file ${url} has no digest for ${name}`, {
      option: 'image',
      lastSeen: text.slice(0, 400),
      hint: `Does ${latest.url} still exist? Without it, write image: { url, sha256 }.`,
    })
  }
  await noteLatest(name, { url, digest })
  return digest
}

/** Remembers that this is the newest build. */
export async function noteLatest(name: VendorImageName, note: Omit<Note, 'lookedAt'>): Promise<void> {
  await mkdir(imagesFolder(), { recursive: true })
  await replaceFile(noteFile(name), JSON.stringify({ ...note, lookedAt: Date.now() } satisfies Note))
}

/** The build that was the newest at the last look-up. */
export async function knownLatest(name: VendorImageName): Promise<Digest | undefined> {
  return (await readNote(name))?.digest
}

function noteFile(name: VendorImageName): string {
  return join(imagesFolder(), `newest-${name}.json`)
}

async function readNote(name: VendorImageName): Promise<Note | undefined> {
  const note = parseJson(await readFile(noteFile(name), 'utf8').catch(() => undefined))
  const { url, digest = '', lookedAt } = (note ?? {}) as Partial<Note>
  const isNote = typeof url === 'string' && /^sha(256|512):[0-9a-f]+$/.test(digest) && Number.isFinite(lookedAt)
  return isNote ? (note as Note) : undefined
}

function unreachable(name: VendorImageName, url: string, cause: unknown): ImageError {
  return new ImageError(`The digest of ${name} could not be read from ${url}: ${messageOf(cause)}`, {
    option: 'image',
    cause,
    hint: `Behind a proxy, set HTTPS_PROXY. Without a network, fetch the image and its digest elsewhere, then run: npx vitest-guest image add ${name} FILE --sha256 DIGEST (or --sha512)`,
  })
}
