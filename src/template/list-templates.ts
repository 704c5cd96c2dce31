import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { diskUsage } from '../cache/disk-usage.ts'
import { listFolder } from '../cache/list-folder.ts'
import { readHolder, tryLock } from '../host/program/lock.ts'
import { messageOf } from '../host/message-of.ts'
import { present } from '../cache/present.ts'
import { userOf } from '../cache/user-of.ts'
import { builtImageName } from '../image/images-folder.ts'
import { templatesFolder } from './find-template.ts'
import { asParent, FILES, FORMAT_VERSION, readManifest, type Manifest } from './store.ts'

/** The names that {@link findTemplate} creates; other files in the folder are not ours. */
const NAME = /^([0-9a-f]{32})(|\.building|\.cold|\.lock)$/

/** A template in the cache, or a build of one. */
export interface TemplateEntry {
  readonly key: string
  readonly folder: string
  /** What it is a template of, or why it is unusable. */
  readonly label: string
  /** The disk that it stands on: the name of a built image, or the path of a user's own. Undefined when that is another template's. */
  readonly image: string | undefined
  /** The key of that template. */
  readonly parent: string | undefined
  /** Bytes on the disk. */
  readonly bytes: number
  readonly createdAt: Date
  readonly lastUse: Date
  /** Why nothing can be cloned from it. */
  readonly fault: string | undefined
  /** Who is using or building it. */
  readonly user: string | undefined
}

/** The names in the folder, by kind: `''` is a template. */
export async function templateNames(kind: '' | '.building' | '.cold' | '.lock'): Promise<string[]> {
  const names = (await listFolder(templatesFolder())).map(({ name }) => name)
  return names.filter((name) => NAME.exec(name)?.[2] === kind).sort()
}

export async function listTemplates(): Promise<TemplateEntry[]> {
  return present((await templateNames('')).map(describe))
}

/** Builds in progress, and leftovers of dead ones. */
export async function listTemplateBuilds(): Promise<TemplateEntry[]> {
  return present((await templateNames('.building')).map(describeBuild))
}

async function describe(key: string): Promise<TemplateEntry> {
  const folder = join(templatesFolder(), key)
  const { mtime } = await stat(folder)
  const read = await readManifest(folder).catch((error: unknown) => `broken: ${messageOf(error)}`)
  const [known, fault] = typeof read === 'string' ? [undefined, read] : [read, await faultOf(folder, read)]
  return {
    key,
    folder,
    label: known?.label ?? fault ?? '',
    image: known?.parent ? undefined : known && (builtImageName(known.image) ?? known.image),
    parent: known?.parent?.key,
    bytes: await diskUsage(folder),
    createdAt: known ? new Date(known.createdAt) : mtime,
    lastUse: mtime,
    fault,
    user: await userOf(folder),
  }
}

/** A newer format is for a newer release. The content of the files is checked when cloning. */
async function faultOf(folder: string, { formatVersion, key, parent }: Manifest): Promise<string | undefined> {
  if (formatVersion < FORMAT_VERSION) return `broken: format version ${formatVersion}, of an older release`
  if (key !== basename(folder)) return 'broken: made for another key'
  const missing = Object.values(FILES).find((name) => !existsSync(join(folder, name)))
  if (missing !== undefined) return `broken: ${missing} is missing`
  if (!parent) return undefined
  const below = await readManifest(join(templatesFolder(), parent.key)).catch(() => undefined)
  if (!below) return `broken: its parent ${parent.key} is gone`
  return isDeepStrictEqual(asParent(below), parent) ? undefined : `broken: its parent ${parent.key} has been rebuilt`
}

/** The templates whose disks are overlays of another one's. */
export function childrenOf(key: string, templates: Iterable<TemplateEntry>): TemplateEntry[] {
  return [...templates].filter(({ parent }) => parent === key)
}

/** Each before the one that it is based on. */
export function childrenFirst(templates: readonly TemplateEntry[]): TemplateEntry[] {
  const depth = ({ parent }: TemplateEntry, seen = 0): number => {
    const below = seen < templates.length ? templates.find(({ key }) => key === parent) : undefined
    return below ? depth(below, seen + 1) : seen
  }
  return [...templates].sort((one, other) => depth(other) - depth(one))
}

async function describeBuild(name: string): Promise<TemplateEntry> {
  const key = basename(name, '.building')
  const folder = join(templatesFolder(), name)
  const { mtime, birthtime } = await stat(folder)
  const lock = join(templatesFolder(), `${key}.lock`)
  await using held = await tryLock(lock)
  const fault = held && 'left over from an interrupted build'
  return {
    key,
    folder,
    label: fault ?? 'being built',
    image: undefined,
    parent: undefined,
    bytes: await diskUsage(folder),
    createdAt: birthtime,
    lastUse: mtime,
    fault,
    user: held ? undefined : await readHolder(lock),
  }
}
