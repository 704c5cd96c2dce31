// Builds the default image, or finds it in the cache; progress goes to stdout, line by line.
import { resolveImage } from '../../src/image/resolve-image.ts'
import { parseImage } from '../../src/options/image.ts'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
}
try {
  await resolveImage(parseImage('debian-12'), { signal: stop.signal, onProgress: (line) => console.log(line) })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
