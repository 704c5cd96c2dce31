import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Image } from '../src/image/resolve-image.ts'
import { listTemplates } from '../src/template/list-templates.ts'

/** Replaces the usual cache, until disposed of, by one with its images and no template. */
export async function emptyCache(image: Image) {
  const cache = await mkdtemp(join(tmpdir(), 'bench-cache-'))
  await symlink(dirname(dirname(image.disk.path)), join(cache, 'images'))
  const saved = process.env['VITEST_GUEST_CACHE']
  process.env['VITEST_GUEST_CACHE'] = cache
  return {
    /** The folder of the template that was built. */
    template: async () => (await listTemplates())[0]?.folder ?? '',
    [Symbol.asyncDispose]: async () => {
      if (saved === undefined) delete process.env['VITEST_GUEST_CACHE']
      else process.env['VITEST_GUEST_CACHE'] = saved
      await rm(cache, { recursive: true })
    },
  }
}
