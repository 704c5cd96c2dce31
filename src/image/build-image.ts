import { access, mkdir, mkdtemp, open, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { touch } from '../host/touch.ts'
import type { BuiltImage } from '../options/image.ts'
import { Disposers } from '../lifetime/disposers.ts'
import { explainBuildFailure } from './build-failure.ts'
import { takeLock } from '../host/lock.ts'
import { BuildProgress } from './build-progress.ts'
import { removeAsRoot } from './build-step.ts'
import { noSpace, requireBuilder } from './require-builder.ts'
import type { Image, Progress } from './image.ts'
import { BUILDING, imagesFolder } from './images-folder.ts'
import { makeDisk } from './make-disk.ts'
import { makeRecipe, type Recipe } from './recipe.ts'
import { isFull, watchSpace } from './watch-space.ts'

/** The image in the cache, built if it is not there. One process builds at a time; others wait, then use its work. */
export async function buildImage(spec: BuiltImage, onProgress: Progress, signal?: AbortSignal): Promise<Image> {
  const recipe = makeRecipe(spec)
  const images = imagesFolder()
  const folder = join(images, recipe.folder)
  if (!(await exists(folder))) await build(recipe, images, folder, onProgress, signal)
  await touch(folder)
  return {
    disk: join(folder, 'disk.raw'),
    format: 'raw',
    digest: `${recipe.key} ${await fileSystemId(join(folder, 'disk.raw'))}`,
    label: recipe.label,
    direct: { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd'), append: recipe.append },
  }
}

async function build(
  recipe: Recipe,
  images: string,
  folder: string,
  onProgress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { label } = recipe
  const disposers = new Disposers()
  try {
    await mkdir(images, { recursive: true })
    await requireBuilder(images, label, signal)
    disposers.use(await takeLock(join(images, '.lock'), label, onProgress, signal))
    if (await exists(folder)) return
    await removeDeadBuilds(images)
    const building = await mkdtemp(join(images, BUILDING))
    disposers.defer(() => removeAsRoot(building))
    const progress = disposers.use(new BuildProgress(label, onProgress))
    const full = new AbortController()
    using _watching = watchSpace(images, () => full.abort(noSpace(images, label)))
    await makeDisk(recipe, building, progress, AbortSignal.any([full.signal, ...(signal ? [signal] : [])]))
    await rename(join(building, 'image'), folder)
    progress.done()
  } catch (error) {
    signal?.throwIfAborted()
    // Before it is cleaned up: not every program says why it failed.
    throw (await isFull(images)) ? noSpace(images, label, error) : explainBuildFailure(error, label, images)
  } finally {
    await disposers[Symbol.asyncDispose]()
  }
}

/**
 * The UUID of the ext4 file system, which mke2fs has made up: it tells two builds of one recipe apart, between which the
 * packages may have changed (Documentation/filesystems/ext4: superblock at 1024, s_uuid at 0x68).
 */
async function fileSystemId(disk: string): Promise<string> {
  await using file = await open(disk)
  const { buffer } = await file.read(Buffer.alloc(16), 0, 16, 1024 + 0x68)
  return buffer.toString('hex')
}

async function removeDeadBuilds(images: string): Promise<void> {
  const names = await readdir(images)
  for (const name of names.filter((name) => name.startsWith(BUILDING))) await removeAsRoot(join(images, name))
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
