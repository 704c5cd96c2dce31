import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { prepareGuest } from '../../src/index.ts'
import { cacheFolder } from '../../src/host/environment.ts'

/** Fills a cache with only the default image and the template of the default guest. */
export async function copyDefaultTemplate(cache: string): Promise<void> {
  await prepareGuest()
  const template = await defaultTemplate()
  await copyFolder(dirname(template.image), join(cache, 'images'))
  await copyFolder(template.folder, join(cache, 'templates'))
}

/** The one that was used last: earlier versions of QEMU, the image or the library may have left others. */
export async function defaultTemplate(): Promise<{ folder: string; image: string }> {
  const templates = join(cacheFolder(), 'templates')
  const found: { folder: string; image: string; usedAt: number }[] = []
  for (const name of await readdir(templates)) {
    const folder = join(templates, name)
    const [manifest] = (await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => '{}')).split('\n')
    const { label, image } = JSON.parse(manifest ?? '') as { label?: string; image: string }
    if (label === 'debian-12, 512 MiB, guest') found.push({ folder, image, usedAt: (await stat(folder)).mtimeMs })
  }
  const [last] = found.toSorted((a, b) => b.usedAt - a.usedAt)
  if (!last) throw new Error(`no template of the default guest in ${templates}`)
  return last
}

export async function copyFolder(folder: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true })
  await execa('cp', ['--archive', '--sparse=always', '--reflink=auto', folder, into])
}
