// Builds debian-12 with nginx in it, and with the argument `boot` asks that nginx for its page.
import { text } from 'node:stream/consumers'
import { bootGuest } from '../../../src/index.ts'
import { resolveImage } from '../../../src/image/resolve-image.ts'

const onProgress = (line: string) => void process.stderr.write(`${line}\n`)
await resolveImage({ base: 'debian-12', packages: ['nginx'] }, { onProgress })

if (process.argv[2] === 'boot') {
  await using guest = await bootGuest({ image: { base: 'debian-12', packages: ['nginx'] }, onProgress })
  const socket = await guest.connect(80)
  socket.write('GET / HTTP/1.0\r\n\r\n')
  const page = await text(socket)
  console.log(`nginx answers: ${/<title>(.*)<\/title>/.exec(page)?.[1]}`)
}
