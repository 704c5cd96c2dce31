import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { requireTool } from '../../host/program/tools.ts'
import { FROM_NOTHING, FROM_TREE, type BuildProgress } from './build-progress.ts'
import type { Addition } from './addition.ts'
import { removeAsRoot, runAsRoot } from './build-step.ts'
import { CUSTOMIZE_AGAIN, isProgram } from './guest-files.ts'
import type { Recipe } from './recipe.ts'
import { IMAGE_FILES } from '../seal-image.ts'
import { packTree, TREE, unpackTree } from './tree.ts'

interface Build {
  readonly progress: BuildProgress
  readonly signal: AbortSignal | undefined
  /** What packages are to be added to, and how; undefined to begin with nothing. */
  readonly onto: (Addition & { readonly tree: string }) | undefined
}

/** Follows the recipe in the folder `building`; the result is its subfolder `image`. */
export async function makeDisk(recipe: Recipe, building: string, { progress, signal, onto }: Build): Promise<void> {
  const [root, image] = ['root', 'image'].map((name) => join(building, name)) as [string, string]
  const step = { cwd: building, signal, onLine: (line: string) => progress.line(line) }
  // apt downloads as its own user, which needs access.
  await chmod(building, 0o755)
  if (onto && (await unpack(onto, root, step, progress))) await addPackages(onto, root, step)
  else {
    progress.begin(FROM_NOTHING)
    await installAll(recipe, root, step)
  }

  await mkdir(image)
  await copyBootFile(root, 'vmlinuz-', join(image, IMAGE_FILES.kernel))
  await copyBootFile(root, 'initrd.img-', join(image, IMAGE_FILES.initrd))
  const disk = join(image, IMAGE_FILES.disk)
  await runAsRoot([requireTool('mke2fs'), ...recipe.mke2fs, '-d', root, disk, recipe.size], { cwd: building, signal })
  if (recipe.image.packages.length === 0) await packTree(root, join(image, TREE), { cwd: building, signal })
  await writeFile(join(image, 'recipe.json'), `${JSON.stringify(recipe, null, 2)}\n`)
}

interface Step {
  readonly cwd: string
  readonly signal: AbortSignal | undefined
  readonly onLine: (line: string) => void
}

async function installAll(recipe: Recipe, root: string, step: Step): Promise<void> {
  const files = join(step.cwd, 'files')
  for (const [path, text] of Object.entries(recipe.files)) {
    await mkdir(dirname(join(files, path)), { recursive: true })
    await writeFile(join(files, path), text, { mode: isProgram(text) ? 0o755 : 0o644 })
  }
  const customize = await program(step, 'customize', recipe.customize)
  const hooks = [`--setup-hook=sync-in ${files} /`, `--customize-hook=${customize}`]
  await runAsRoot([requireTool('mmdebstrap'), '--verbose', ...recipe.mmdebstrap, ...hooks, recipe.suite, root], step)
}

/** Installs the packages in a root that has the rest; mmdebstrap sees to all that surrounds it. */
async function addPackages({ plain, mmdebstrap, install: text }: Addition, root: string, step: Step): Promise<void> {
  const install = await program(step, 'install', text)
  const customize = await program(step, 'customize', CUSTOMIZE_AGAIN)
  const hooks = [`--essential-hook=${install}`, `--customize-hook=${customize}`]
  await runAsRoot([requireTool('mmdebstrap'), '--verbose', ...mmdebstrap, ...hooks, plain.suite, root], step)
}

async function program({ cwd }: Step, name: string, text: string): Promise<string> {
  const path = join(cwd, name)
  await writeFile(path, text, { mode: 0o755 })
  return path
}

/** Whether it could be; a tree may be damaged, and saves only time. */
async function unpack(
  { tree }: { readonly tree: string },
  root: string,
  step: Step,
  progress: BuildProgress,
): Promise<boolean> {
  progress.begin(FROM_TREE)
  await mkdir(root)
  try {
    await unpackTree(tree, root, step)
    return true
  } catch {
    step.signal?.throwIfAborted()
    await removeAsRoot(root)
    return false
  }
}

async function copyBootFile(root: string, prefix: string, to: string): Promise<void> {
  const boot = join(root, 'boot')
  const names = (await readdir(boot)).filter((name) => name.startsWith(prefix)).sort()
  await copyFile(join(boot, names.at(-1) ?? `${prefix}*`), to)
}
