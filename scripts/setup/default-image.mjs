import { runChild } from './run-child.mjs'
import { SetupError } from './setup-error.mjs'

/**
 * Builds the default image, or finds it in the cache. In a separate process, because it is TypeScript.
 * @param {string} node
 * @param {(line: string) => void} say
 */
export async function prepareDefaultImage(node, say) {
  const script = new URL('./default-image.ts', import.meta.url).pathname
  const { code, signal, tail } = await runChild(node, [script], { onLine: say })
  if (code !== 0) throw new SetupError(`The default image could not be built:\n${tail}`, signal)
}
