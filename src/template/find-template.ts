import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { cacheFolder } from '../host/environment.ts'
import { HostError } from '../errors.ts'
import { takeLock, type Lock } from '../host/program/lock.ts'
import { FreezeError } from './freeze.ts'
import { openTemplate, readManifest, type Fault, type Parent, type Template } from './store.ts'

export interface Wanted {
  readonly key: string
  /** For messages. */
  readonly label: string
  /** What its disk has to be an overlay of, if that is another template's. */
  readonly parent?: Parent | undefined
  readonly onProgress: (line: string) => void
  readonly signal?: AbortSignal | undefined
  /** Fills an empty folder with a sealed template; `tell` reports to waiting processes. */
  readonly build: (folder: string, tell: (state: string) => void) => Promise<void>
}

/** No template, because a machine like this cannot be frozen. */
export interface Unfreezable {
  readonly unfreezable: string
}

export function templatesFolder(): string {
  return join(cacheFolder(), 'templates')
}

/** The template for a key, built if there is no intact one: by one process, while others wait for it. */
export async function findTemplate(wanted: Wanted): Promise<Template | Unfreezable> {
  const { key, label, onProgress, signal } = wanted
  const folder = join(templatesFolder(), key)
  const known = await lookUp(folder, wanted)
  if (!('fault' in known)) return known
  await mkdir(templatesFolder(), { recursive: true, mode: 0o700 })
  await using lock = await takeLock(`${folder}.lock`, `the template ${label}`, onProgress, signal)
  const found = await lookUp(folder, wanted)
  if (!('fault' in found)) return found
  if (!found.absent) onProgress(`rebuilding the template ${label}: ${found.fault}`)
  await rm(folder, { recursive: true, force: true })
  return await build(wanted, folder, lock)
}

async function build({ key, build, label }: Wanted, folder: string, lock: Lock): Promise<Template | Unfreezable> {
  const building = `${folder}.building`
  // Only a killed builder leaves one behind.
  await rm(building, { recursive: true, force: true })
  await mkdir(building, { mode: 0o700 })
  try {
    await build(building, (state) => void lock.tell(state).catch(() => {}))
    await rename(building, folder)
  } catch (error) {
    if (!(error instanceof FreezeError)) throw error
    await writeFile(coldNote(folder), error.message)
    return { unfreezable: error.message }
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  const built = await openTemplate(folder, key)
  if ('fault' in built) throw new HostError(`The template ${label} was built, but cannot be read: ${built.fault}`)
  return built
}

async function lookUp(folder: string, { key, parent }: Wanted): Promise<Template | Unfreezable | Fault> {
  const found = await openTemplate(folder, key)
  if (!('fault' in found)) return isDeepStrictEqual(found.parent, parent) ? found : ORPHAN
  if (!found.absent) return found
  const unfreezable = await readFile(coldNote(folder), 'utf8').catch(() => undefined)
  return unfreezable === undefined ? found : { unfreezable }
}

const ORPHAN: Fault = { fault: 'the template that it is based on has been rebuilt', absent: false }

/** Records why machines with this key cannot be frozen, so that it is not tried again. */
function coldNote(folder: string): string {
  return `${folder}.cold`
}

/** Removes a template that could not be restored, unless it has been rebuilt in the meantime. */
export async function discardTemplate({ folder, createdAt }: Template): Promise<void> {
  const current = await readManifest(folder).catch(() => undefined)
  if (current === undefined || current.createdAt === createdAt) await rm(folder, { recursive: true, force: true })
}
