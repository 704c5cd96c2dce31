// Builds debian-12 with keepalived: the image of examples/failover.
import { resolveImage } from '../../../src/image/resolve-image.ts'

const onProgress = (line: string) => void process.stderr.write(`${line}\n`)
await resolveImage({ base: 'debian-12', packages: ['keepalived'] }, { onProgress })
