import { prepareGuest } from '../../src/index.ts'
import { copyFolder, defaultTemplate } from './default-template.ts'
import { ownCache } from './own-cache.ts'

/** Has this process use a cache with the template of the default guest and no layer, until it is disposed of. */
export async function layerCache(): Promise<AsyncDisposable & { path: string; templates: string }> {
  await prepareGuest()
  const { folder } = await defaultTemplate()
  const cache = await ownCache()
  await copyFolder(folder, cache.templates)
  process.env['VITEST_GUEST_CACHE'] = cache.path
  return {
    ...cache,
    [Symbol.asyncDispose]: async () => {
      delete process.env['VITEST_GUEST_CACHE']
      await cache[Symbol.asyncDispose]()
    },
  }
}
