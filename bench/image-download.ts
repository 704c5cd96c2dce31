// Downloads an image into the cache of VITEST_GUEST_CACHE, and prints the milliseconds of that and the most memory it had, in MiB.
// Arguments: its URL, and its SHA-256.
import { resolveImage } from '../src/image/resolve-image.ts'

const [url = '', digest = ''] = process.argv.slice(2)
const startedAt = performance.now()
await resolveImage({ url, digest: `sha256:${digest}` })
console.log(JSON.stringify({ ms: performance.now() - startedAt, rssMib: process.resourceUsage().maxRSS / 1024 }))
