import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, isAbsolute, join } from 'node:path'
import { diskUsage } from '../cache/disk-usage.ts'
import { messageOf } from '../host/message-of.ts'
import { imagesFolder } from '../image/images-folder.ts'
import { listImages } from '../image/list-images.ts'
import { listImageBuilds, removeImage, removeImageBuild } from '../image/remove-image.ts'
import { templatesFolder } from './find-template.ts'
import { imageGarbage, templateGarbage, unused, type Age } from './garbage.ts'
import { listTemplates, templateNames } from './list-templates.ts'
import { removeBeside, removeTemplate, removeTemplateBuild } from './remove-template.ts'

const DEAD_BUILD = 'left over from an interrupted build'

export interface GarbageOptions extends Age {
  /** Only say what would be removed. */
  readonly dryRun: boolean
}

/** What became of a thing that should go. */
export interface Verdict {
  /** `template 0123…`, `image debian-12-…`, and so on. */
  readonly what: string
  /** Bytes on the disk. */
  readonly bytes: number
  readonly reason: string
  /** Why it stays all the same. */
  readonly kept: string | undefined
  /** It could not be removed. */
  readonly error: string | undefined
}

interface Garbage {
  readonly what: string
  readonly path: string
  readonly reason: string
  /** @returns why it stays */
  readonly remove: (options: Pick<GarbageOptions, 'dryRun'>) => Promise<string | undefined>
}

/** Removes from the cache what nobody can use, or did for long, but never what is in use; tells of each thing. */
export async function* collectGarbage(options: GarbageOptions): AsyncGenerator<Verdict> {
  for (const garbage of [...(await deadBuilds()), ...(await besides(options))]) yield attempt(garbage, options)

  const images = await listImages()
  const exists = (path: string) => isAbsolute(path) && existsSync(path)
  const standing = new Map((await listTemplates()).map((template) => [template.key, template]))
  for (const template of [...standing.values()]) {
    const reason = templateGarbage(template, { images, exists }, options)
    if (reason === undefined) continue
    const { key, folder: path } = template
    const garbage: Garbage = {
      what: `template ${key}`,
      path,
      reason,
      remove: async (how) => inUse(await removeTemplate(key, how)),
    }
    const verdict = await attempt(garbage, options)
    if (isGone(verdict)) standing.delete(key)
    yield verdict
  }

  for (const image of images) {
    const reason = imageGarbage(image, options)
    if (reason === undefined) continue
    const { name, folder: path } = image
    const on = [...standing.values()].find((template) => template.image === name)
    const garbage: Garbage = {
      what: `image ${name}`,
      path,
      reason,
      remove: async (how) => (on ? `needed by template ${on.key}` : inUse(await removeImage(name, how))),
    }
    yield attempt(garbage, options)
  }
}

export function isGone({ kept, error }: Verdict): boolean {
  return kept === undefined && error === undefined
}

async function deadBuilds(): Promise<Garbage[]> {
  const ofTemplates = (await templateNames('.building')).map((name) => ({
    what: `template ${name}`,
    path: join(templatesFolder(), name),
    reason: DEAD_BUILD,
    remove: async (how: { dryRun: boolean }) => inUse(await removeTemplateBuild(basename(name, '.building'), how)),
  }))
  const ofImages = (await listImageBuilds()).map((name) => ({
    what: `image ${name}`,
    path: join(imagesFolder(), name),
    reason: DEAD_BUILD,
    remove: async (how: { dryRun: boolean }) => inUse(await removeImageBuild(name, how)),
  }))
  return [...ofTemplates, ...ofImages]
}

/** Old notes, and old locks of templates that are gone. */
async function besides(age: Age): Promise<Garbage[]> {
  const templates = new Set(await templateNames(''))
  const locks = (await templateNames('.lock')).filter((name) => !templates.has(basename(name, '.lock')))
  const found: Garbage[] = []
  for (const name of [...(await templateNames('.cold')), ...locks]) {
    const path = join(templatesFolder(), name)
    const facts = await stat(path).catch(() => undefined)
    const reason = facts && unused(facts.mtime, age)
    if (reason === undefined) continue
    const remove = async (how: { dryRun: boolean }) => inUse(await removeBeside(name, how))
    found.push({ what: `${name.endsWith('.cold') ? 'note' : 'lock'} ${name}`, path, reason, remove })
  }
  return found
}

function inUse(user: string | undefined): string | undefined {
  return user && `in use by ${user}`
}

/** An error stops nothing: the next thing may be removed all the same. */
async function attempt({ what, path, reason, remove }: Garbage, options: GarbageOptions): Promise<Verdict> {
  const bytes = await diskUsage(path)
  try {
    return { what, bytes, reason, kept: await remove(options), error: undefined }
  } catch (error) {
    return { what, bytes, reason, kept: undefined, error: messageOf(error) }
  }
}
