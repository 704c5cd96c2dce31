import { access, mkdir, mkdtemp, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageError } from '../../errors.ts'
import { touch } from '../../cache/touch.ts'
import type { BuiltImage } from '../../options/image.ts'
import { Disposers } from '../../lifetime/disposers.ts'
import { additionFor, type Addition } from './addition.ts'
import { explainBuildFailure } from './build-failure.ts'
import { takeLock } from '../../host/program/lock.ts'
import { BuildProgress } from './build-progress.ts'
import { removeAsRoot } from './build-step.ts'
import { noSpace, requireBuilder } from './require-builder.ts'
import type { DirectBoot, Image, Progress } from '../image.ts'
import { BUILDING, imagesFolder } from '../images-folder.ts'
import { makeDisk } from './make-disk.ts'
import { makeRecipe, type Recipe } from './recipe.ts'
import { IMAGE_FILES, inspectImage, requireSoundImage, sealImage } from '../seal-image.ts'
import { TREE } from './tree.ts'
import { isFull, watchSpace } from './watch-space.ts'

/** The image in the cache, built if necessary. One process builds it, others wait for it. */
export async function buildImage(
  spec: BuiltImage,
  onProgress: Progress,
  signal?: AbortSignal,
): Promise<Image & { direct: DirectBoot }> {
  const recipe = makeRecipe(spec)
  const images = imagesFolder()
  const folder = join(images, recipe.folder)
  let found = await inspectImage(folder, { signal })
  if ('fault' in found) {
    await build(recipe, { images, onProgress, signal })
    found = await inspectImage(folder, { signal })
  }
  if ('fault' in found) throw new ImageError(`The image ${recipe.label} was built, but cannot be read: ${found.fault}`)
  const { digest } = found
  await touch(folder)
  const { label, append } = recipe
  const [disk, kernel, initrd] = [IMAGE_FILES.disk, IMAGE_FILES.kernel, IMAGE_FILES.initrd].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  return {
    disk: { path: disk, format: 'raw' },
    size: (await stat(disk)).size,
    digest: () => Promise.resolve(digest),
    verify: (reading) => requireSoundImage(folder, label, reading),
    label,
    direct: { kernel, initrd, append },
  }
}

interface Build {
  readonly images: string
  readonly onProgress: Progress
  readonly signal: AbortSignal | undefined
  /** Whether the caller holds the lock. */
  readonly isLocked?: boolean
}

async function build(recipe: Recipe, how: Build): Promise<void> {
  const { label } = recipe
  const { images, onProgress, signal, isLocked = false } = how
  const disposers = new Disposers()
  try {
    await mkdir(images, { recursive: true })
    await requireBuilder(images, label, signal)
    if (!isLocked) disposers.use(await takeLock(join(images, '.lock'), label, onProgress, signal))
    const folder = join(images, recipe.folder)
    const found = await inspectImage(folder, { signal })
    if (!('fault' in found)) return
    if (!found.isAbsent) onProgress(`rebuilding the image ${label}: ${found.fault}`)
    await removeDeadBuilds(images)
    const onto = await findTree(recipe, how)
    const building = await mkdtemp(join(images, BUILDING))
    disposers.defer(() => removeAsRoot(building))
    const progress = disposers.use(new BuildProgress(label, onProgress))
    const full = new AbortController()
    using _watching = watchSpace(images, () => full.abort(noSpace(images, label)))
    const either = AbortSignal.any([full.signal, ...(signal ? [signal] : [])])
    await makeDisk(recipe, building, { progress, signal: either, onto })
    await sealImage(join(building, 'image'), signal)
    // Machines that boot from it keep the old files open.
    if (!found.isAbsent) await rename(folder, join(building, 'broken'))
    await rename(join(building, 'image'), folder)
    progress.done()
  } catch (error) {
    signal?.throwIfAborted()
    // Before the clean-up: not every program says that the disk is full.
    throw (await isFull(images)) ? noSpace(images, label, error) : explainBuildFailure(error, label, images)
  } finally {
    await disposers[Symbol.asyncDispose]()
  }
}

/** What packages are added to: the image without them, which is built if necessary. None where an earlier release has built it, which kept no tree. */
async function findTree(recipe: Recipe, how: Build): Promise<(Addition & { tree: string }) | undefined> {
  const addition = additionFor(recipe)
  if (!addition) return undefined
  await build(addition.plain, { ...how, isLocked: true })
  await touch(join(how.images, addition.plain.folder))
  const tree = join(how.images, addition.plain.folder, TREE)
  return (await access(tree).catch(() => 'absent')) === 'absent' ? undefined : { ...addition, tree }
}

async function removeDeadBuilds(images: string): Promise<void> {
  const names = await readdir(images)
  for (const name of names.filter((name) => name.startsWith(BUILDING))) await removeAsRoot(join(images, name))
}
