import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listFolder } from '../../cache/list-folder.ts'
import { replaceFile } from '../../cache/seal.ts'
import { parseJson } from '../../host/parse-json.ts'
import type { Digest } from '../../options/image.ts'
import { imagesFolder, isImageName } from '../images-folder.ts'

const FILE = 'origin.json'
const DIGITS_IN_NAME = 12

/** The origin of a downloaded image, kept beside its disk. */
export interface Origin {
  /** The name of the vendor's image; undefined for one requested by its URL. */
  readonly name?: string | undefined
  /** For messages. */
  readonly label: string
  readonly url: string
  /** Of what was downloaded. */
  readonly digest: Digest
  /** The file beside this one. */
  readonly disk: 'disk.qcow2' | 'disk.raw'
  /** Of the disk, possibly after unpacking. */
  readonly content: Digest
}

/** The name of a downloaded image in the cache. */
export function folderName(label: string, digest: Digest): string {
  const plain = label.replaceAll(/[^\w.+-]+/g, '-').replace(/^(?:[.-]|building-|downloading-)+/, '')
  return `${plain.slice(0, 80) || 'image'}-${shortOf(digest)}`
}

/** The image in the cache whose download had this digest; it may be broken. */
export async function findDownloaded(digest: Digest): Promise<{ folder: string; origin: Origin } | undefined> {
  const names = (await listFolder(imagesFolder())).map(({ name }) => name)
  for (const name of names.filter((name) => isImageName(name) && name.endsWith(`-${shortOf(digest)}`))) {
    const folder = join(imagesFolder(), name)
    const origin = await readOrigin(folder)
    if (origin?.digest === digest) return { folder, origin }
  }
  return undefined
}

/** Undefined for an image that was not downloaded. */
export async function readOrigin(folder: string): Promise<Origin | undefined> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => undefined)
  const origin = parseJson(text) as Partial<Origin> | null | undefined
  const isDisk = origin?.disk === 'disk.qcow2' || origin?.disk === 'disk.raw'
  const texts = [origin?.label, origin?.url, origin?.digest, origin?.content]
  return isDisk && texts.every((each) => typeof each === 'string') ? (origin as Origin) : undefined
}

export async function writeOrigin(folder: string, origin: Origin): Promise<void> {
  await replaceFile(join(folder, FILE), `${JSON.stringify(origin, null, 2)}\n`)
}

function shortOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, DIGITS_IN_NAME)
}
