import { createHash } from 'node:crypto'
import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../host/files/file-digest.ts'
import { findChange, noteStamps } from '../cache/seal.ts'
import { touch } from '../cache/touch.ts'
import type { Credentials } from '../seed/credentials.ts'
import type { FrozenIdentity } from './identity/identity.ts'

/** Increase it when templates of older releases must no longer be used. */
export const FORMAT_VERSION = 6
/** The files of a template, besides its manifest. */
export const FILES = { memory: 'memory', state: 'state', disk: 'disk.qcow2', seed: 'seed.iso' } as const
const MANIFEST = 'manifest.json'

/** The facts about a template, stored in it. */
export interface Manifest extends FrozenIdentity {
  readonly formatVersion: number
  readonly key: string
  /** For messages: the image, and what is special about the machine. */
  readonly label: string
  /** The disk that the template's own is an overlay of, as `basename` of its folder in the cache or an absolute path. */
  readonly image: string
  /** Of one whose disk is an overlay of another template's. */
  readonly parent?: Parent
  /** What the seed calls the machine, by which cloud-init knows that it has done its work. @default the key */
  readonly instanceId?: string
  readonly memoryMib: number
  /** ISO 8601. */
  readonly createdAt: string
  readonly buildMs: number
  /** Why clones cannot get another name and address; an empty string when they can. */
  readonly unchangeable: string
  readonly credentials: Credentials
  /** What cloud-init reported as failed. */
  readonly warnings: readonly string[]
  /** SHA-256 of each file. */
  readonly digests: Readonly<Record<string, string>>
}

/** A template that others stand on. One that was rebuilt has another disk under the same key. */
export interface Parent {
  readonly key: string
  /** SHA-256 of its disk. */
  readonly disk: string
}

export interface Template extends Manifest {
  readonly folder: string
}

export function asParent({ key, digests }: Manifest): Parent {
  return { key, disk: digests[FILES.disk] ?? '' }
}

/** Why there is no usable template. */
export interface Fault {
  readonly fault: string
  /** It does not exist, rather than being broken. */
  readonly absent: boolean
}

/** Completes a template: afterwards everything in `folder` is on the disk, with its digests in a manifest. */
export async function seal(folder: string, facts: Omit<Manifest, 'formatVersion' | 'digests'>): Promise<void> {
  const digests: Record<string, string> = {}
  for (const name of Object.values(FILES)) {
    digests[name] = await digestOf(join(folder, name))
    await flush(join(folder, name))
  }
  const manifest: Manifest = { formatVersion: FORMAT_VERSION, ...facts, digests }
  const text = JSON.stringify(manifest)
  await writeFile(join(folder, MANIFEST), `${text}\n${sha256(text)}\n`, { mode: 0o600, flush: true })
  await noteStamps(folder, Object.values(FILES))
}

/** A template, or why there is none. Files that look as they did when last read are not read again, unless it is suspect. */
export async function openTemplate(
  folder: string,
  key: string,
  { isSuspect = false }: { isSuspect?: boolean } = {},
): Promise<Template | Fault> {
  const broken = (fault: string): Fault => ({ fault, absent: false })
  let manifest: Manifest
  try {
    manifest = await readManifest(folder)
    if (manifest.formatVersion !== FORMAT_VERSION) return broken(`format version ${manifest.formatVersion}`)
    if (manifest.key !== key) return broken('it was made for another key')
    const change = await findChange({ folder, digests: manifest.digests, digestOf }, { isSuspect })
    if (change !== undefined) return broken(change)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { fault: message, absent: code === 'ENOENT' && !(await stat(folder).catch(() => undefined)) }
  }
  await touch(folder)
  return { ...manifest, folder }
}

/** @throws Error when it is missing or has changed. */
export async function readManifest(folder: string): Promise<Manifest> {
  const [text = '', digest] = (await readFile(join(folder, MANIFEST), 'utf8')).split('\n')
  if (sha256(text) !== digest) throw new Error(`the content of ${MANIFEST} has changed`)
  return JSON.parse(text) as Manifest
}

/** So that a power cut cannot leave a file with the right name and length, but without its content. */
async function flush(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
