import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, isAbsolute, join } from 'node:path'
import { diskUsage } from '../cache/disk-usage.ts'
import { messageOf } from '../host/message-of.ts'
import { imagesFolder } from '../image/images-folder.ts'
import { listImages, type ImageEntry } from '../image/list-images.ts'
import { listDownloads, listImageBuilds, removeDownload, removeImage, removeImageBuild } from '../image/remove-image.ts'
import { templatesFolder } from './find-template.ts'
import { childrenFirst, childrenOf, listTemplates, templateNames, type TemplateEntry } from './list-templates.ts'
import { removeBeside, removeTemplate, removeTemplateBuild } from './remove-template.ts'

const DAY = 86_400_000
const DEAD_BUILD = 'left over from an interrupted build'
const DEAD_DOWNLOAD = 'left over from an interrupted download'

interface GarbageOptions {
  /** Remove what has not been used for this many days. */
  readonly days: number
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Only report what would be removed. */
  readonly dryRun: boolean
}

/** The result for something that should be removed. */
export interface Verdict {
  /** `template 0123…`, `image debian-12-…`, and so on. */
  readonly what: string
  /** Bytes on the disk. */
  readonly bytes: number
  readonly reason: string
  /** Why it stays nevertheless. */
  readonly kept: string | undefined
  /** Why it could not be removed. */
  readonly error: string | undefined
}

interface Garbage extends Pick<Verdict, 'what' | 'reason'> {
  readonly path: string
  /** Why it must stay. */
  readonly needed?: string | undefined
  /** @returns who uses it, if it therefore stays */
  readonly remove: (options: GarbageOptions) => Promise<string | undefined>
}

/** Removes what is unusable or long unused from the cache, but never what is in use. */
export async function* collectGarbage(options: GarbageOptions): AsyncGenerator<Verdict> {
  for (const garbage of [...(await deadBuilds()), ...(await besides(options))]) yield attempt(garbage, options)

  const images = await listImages()
  const templates = await listTemplates()
  const standing = new Set(childrenFirst(templates))
  for (const template of standing) {
    const reason = templateGarbage(template, templates, images, options)
    if (reason === undefined) continue
    const { key, folder: path } = template
    const [child] = childrenOf(key, standing)
    const needed = child && `needed by template ${child.key}`
    const remove: Garbage['remove'] = (how) => removeTemplate(key, how)
    const verdict = await attempt({ what: `template ${key}`, path, reason, needed, remove }, options)
    if (isGone(verdict)) standing.delete(template)
    yield verdict
  }

  for (const { name, folder: path, obsolete, lastUse } of images) {
    const reason = obsolete ?? unused(lastUse, options)
    if (reason === undefined) continue
    const on = [...standing].find(({ image }) => image === name)
    const needed = on && `needed by template ${on.key}`
    const remove: Garbage['remove'] = (how) => removeImage(name, how)
    yield attempt({ what: `image ${name}`, path, reason, needed, remove }, options)
  }
}

export function isGone({ kept, error }: Verdict): boolean {
  return kept === undefined && error === undefined
}

async function deadBuilds(): Promise<Garbage[]> {
  const ofTemplates = (await templateNames('.building')).map((name): Garbage => {
    const remove: Garbage['remove'] = (how) => removeTemplateBuild(basename(name, '.building'), how)
    return { what: `template ${name}`, path: join(templatesFolder(), name), reason: DEAD_BUILD, remove }
  })
  const ofImage = (name: string, reason: string, remove: typeof removeDownload): Garbage => {
    return { what: `image ${name}`, path: join(imagesFolder(), name), reason, remove: (how) => remove(name, how) }
  }
  const builds = (await listImageBuilds()).map((name) => ofImage(name, DEAD_BUILD, removeImageBuild))
  const { unfinished } = await listDownloads()
  return [...ofTemplates, ...builds, ...unfinished.map((name) => ofImage(name, DEAD_DOWNLOAD, removeDownload))]
}

/** Old notes, and old locks of templates and downloads that are gone. */
async function besides(options: GarbageOptions): Promise<Garbage[]> {
  const templates = new Set(await templateNames(''))
  const locks = (await templateNames('.lock')).filter((name) => !templates.has(basename(name, '.lock')))
  const files = [
    ...[...(await templateNames('.cold')), ...locks].map((name) => ({
      folder: templatesFolder(),
      name,
      remove: removeBeside,
    })),
    ...(await listDownloads()).locks.map((name) => ({ folder: imagesFolder(), name, remove: removeDownload })),
  ]
  const found: Garbage[] = []
  for (const { folder, name, remove } of files) {
    const path = join(folder, name)
    const facts = await stat(path).catch(() => undefined)
    const reason = facts && unused(facts.mtime, options)
    const what = `${name.endsWith('.cold') ? 'note' : 'lock'} ${name}`
    if (reason !== undefined) found.push({ what, path, reason, remove: (how) => remove(name, how) })
  }
  return found
}

/** Continues after an error, because others may still be removable. */
async function attempt({ what, path, reason, needed, remove }: Garbage, options: GarbageOptions): Promise<Verdict> {
  const bytes = await diskUsage(path)
  if (needed !== undefined) return { what, bytes, reason, kept: needed, error: undefined }
  try {
    const user = await remove(options)
    return { what, bytes, reason, kept: user && `in use by ${user}`, error: undefined }
  } catch (error) {
    return { what, bytes, reason, kept: undefined, error: messageOf(error) }
  }
}

/** Why a template should be removed; undefined when it should not. */
function templateGarbage(
  { fault, lastUse, ...template }: TemplateEntry,
  templates: readonly TemplateEntry[],
  images: readonly ImageEntry[],
  options: GarbageOptions,
): string | undefined {
  if (fault !== undefined) return fault
  const image = imageBelow(template, templates)
  const built = images.find(({ name }) => name === image)
  if (built?.obsolete !== undefined) return `its image ${image} is ${built.obsolete}`
  // Otherwise it is a user's own disk.
  if (!built && !(isAbsolute(image) && existsSync(image))) return `its image ${image} is gone`
  return unused(lastUse, options)
}

/** The image at the bottom of a chain of templates. */
function imageBelow(
  { image, parent }: Pick<TemplateEntry, 'image' | 'parent'>,
  templates: readonly TemplateEntry[],
): string {
  const below = parent === undefined ? undefined : templates.find(({ key }) => key === parent)
  const others = templates.filter((each) => each !== below)
  return below ? imageBelow(below, others) : (image ?? '')
}

function unused(lastUse: Date, { days, now }: GarbageOptions): string | undefined {
  const ago = (now - lastUse.getTime()) / DAY
  return ago >= days ? `not used for ${Math.floor(ago)} days` : undefined
}
