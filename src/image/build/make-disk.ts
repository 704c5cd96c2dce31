import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { requireTool } from '../../host/program/tools.ts'
import type { BuildProgress } from './build-progress.ts'
import { runAsRoot } from './build-step.ts'
import { isProgram } from './guest-files.ts'
import type { Recipe } from './recipe.ts'
import { IMAGE_FILES } from '../seal-image.ts'

/** Follows the recipe in the folder `building`; the result is its subfolder `image`. */
export async function makeDisk(
  recipe: Recipe,
  building: string,
  progress: BuildProgress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [files, root, image] = ['files', 'root', 'image'].map((name) => join(building, name)) as [
    string,
    string,
    string,
  ]
  const customize = join(building, 'customize')
  // apt downloads as its own user, which needs access.
  await chmod(building, 0o755)
  for (const [path, text] of Object.entries(recipe.files)) {
    await mkdir(dirname(join(files, path)), { recursive: true })
    await writeFile(join(files, path), text, { mode: isProgram(text) ? 0o755 : 0o644 })
  }
  await writeFile(customize, recipe.customize, { mode: 0o755 })

  const hooks = [`--setup-hook=sync-in ${files} /`, `--customize-hook=${customize}`]
  const mmdebstrap = [requireTool('mmdebstrap'), '--verbose', ...recipe.mmdebstrap, ...hooks, recipe.suite, root]
  await runAsRoot(mmdebstrap, { cwd: building, signal, onLine: (line) => progress.line(line) })

  await mkdir(image)
  await copyBootFile(root, 'vmlinuz-', join(image, IMAGE_FILES.kernel))
  await copyBootFile(root, 'initrd.img-', join(image, IMAGE_FILES.initrd))
  const disk = join(image, IMAGE_FILES.disk)
  await runAsRoot([requireTool('mke2fs'), ...recipe.mke2fs, '-d', root, disk, recipe.size], { cwd: building, signal })
  await writeFile(join(image, 'recipe.json'), `${JSON.stringify(recipe, null, 2)}\n`)
}

async function copyBootFile(root: string, prefix: string, to: string): Promise<void> {
  const boot = join(root, 'boot')
  const names = (await readdir(boot)).filter((name) => name.startsWith(prefix)).sort()
  await copyFile(join(boot, names.at(-1) ?? `${prefix}*`), to)
}
