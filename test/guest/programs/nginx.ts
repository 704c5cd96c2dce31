// Builds debian-12 with nginx in it, and with the argument `boot` asks that nginx for a page (the README's example).
import { bootGuest } from '../../../src/index.ts'
import { resolveImage } from '../../../src/image/resolve-image.ts'

const onProgress = (line: string) => void process.stderr.write(`${line}\n`)
await resolveImage({ base: 'debian-12', packages: ['nginx'] }, { onProgress })

if (process.argv[2] === 'boot') {
  await using guest = await bootGuest({
    image: { base: 'debian-12', packages: ['nginx'] },
    memory: '1G',
    cloudConfig: { write_files: [{ path: '/var/www/html/index.html', content: 'hello' }] },
    onProgress,
  })
  console.log((await guest.$`curl --silent http://localhost/`).stdout)
}
