import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../../src/host/environment.ts'

/** A cache folder with the images of the real one and separate templates; for VITEST_GUEST_CACHE. */
export async function ownCache(): Promise<AsyncDisposable & { path: string; templates: string }> {
  const path = await mkdtemp(join(tmpdir(), 'vg-cache-'))
  const images = join(cacheFolder(), 'images')
  await mkdir(images, { recursive: true })
  await symlink(images, join(path, 'images'))
  return {
    path,
    templates: join(path, 'templates'),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}
