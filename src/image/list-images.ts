import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { diskUsage } from '../cache/disk-usage.ts'
import { listFolder } from '../cache/list-folder.ts'
import { present } from '../cache/present.ts'
import { userOf } from '../cache/user-of.ts'
import { parseJson } from '../host/parse-json.ts'
import { parseImage } from '../options/image.ts'
import { imagesFolder, isImageName } from './images-folder.ts'
import { IMAGE_FILES } from './seal-image.ts'
import { makeRecipe, type Recipe } from './build/recipe.ts'
import { outdated } from './catalogue/outdated.ts'
import { readOrigin, type Origin } from './download/origin.ts'

/** An image in the cache, built or downloaded. */
export interface ImageEntry {
  readonly name: string
  readonly folder: string
  /** What was requested, or why it is unusable. */
  readonly label: string
  /** For a downloaded image. */
  readonly origin: Origin | undefined
  /** Bytes on the disk. */
  readonly bytes: number
  readonly createdAt: Date
  readonly lastUse: Date
  /** Why this release cannot use it. */
  readonly obsolete: string | undefined
  /** Who is booting from it. */
  readonly user: string | undefined
}

export async function listImages(): Promise<ImageEntry[]> {
  const found = await listFolder(imagesFolder())
  const names = found.filter((entry) => entry.isDirectory() && isImageName(entry.name)).map(({ name }) => name)
  return present(names.sort().map(describe))
}

async function describe(name: string): Promise<ImageEntry> {
  const folder = join(imagesFolder(), name)
  const { mtime } = await stat(folder)
  const origin = await readOrigin(folder)
  const file = origin?.disk ?? IMAGE_FILES.disk
  const disk = await stat(join(folder, file)).catch(() => undefined)
  const recipe = origin ? undefined : await readRecipe(folder)
  const use = origin ? await outdated(origin) : obsolete(name, recipe)
  return {
    name,
    folder,
    label: origin?.label ?? recipe?.label ?? 'broken: recipe.json cannot be read',
    origin,
    bytes: await diskUsage(folder),
    createdAt: disk?.mtime ?? mtime,
    lastUse: mtime,
    obsolete: disk ? use : `broken: ${file} is missing`,
    user: await userOf(folder),
  }
}

/** Why this release would build another image for the same packages; undefined when it would not. */
export function obsolete(
  name: string,
  recipe: Pick<Recipe, 'label' | 'key' | 'image'> | undefined,
): string | undefined {
  if (!recipe) return 'broken: recipe.json cannot be read'
  try {
    const spec = parseImage(recipe.image)
    const present = 'base' in spec && makeRecipe(spec)
    if (present && present.key === recipe.key && present.folder === name) return undefined
  } catch {
    // From another release: it had another base, or did not record what was requested.
  }
  return `superseded: this release builds another ${recipe.label}`
}

async function readRecipe(folder: string): Promise<Recipe | undefined> {
  const text = await readFile(join(folder, 'recipe.json'), 'utf8').catch(() => undefined)
  const recipe = parseJson(text) as Partial<Recipe> | null | undefined
  return typeof recipe?.label === 'string' && typeof recipe.key === 'string' ? (recipe as Recipe) : undefined
}
