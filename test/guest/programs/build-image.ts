// Builds a Debian: its name and its packages are the arguments; without any, the image of examples/failover.
import { resolveImage } from '../../../src/image/resolve-image.ts'
import { parseImage } from '../../../src/options/image.ts'

const [base = 'debian-12', ...packages] = process.argv.length > 2 ? process.argv.slice(2) : ['debian-12', 'keepalived']
const onProgress = (line: string) => void process.stderr.write(`${line}\n`)
await resolveImage(parseImage({ base, packages }), { onProgress })
