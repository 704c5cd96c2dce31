import { parseArgs } from 'node:util'
import { GuestError } from '../errors.ts'
import { listImages } from '../image/list-images.ts'
import { removeImage } from '../image/remove-image.ts'
import { listTemplates } from '../template/list-templates.ts'
import { type Command, UsageError } from './command.ts'
import { removeEntries } from './entries.ts'
import { add, pull } from './image/add-and-pull.ts'
import { keysOn, renderImages, renderNames } from './image/render.ts'
import { print } from './print.ts'

export default {
  help: `Usage: vitest-guest image ls [--all]
       vitest-guest image pull NAME...
       vitest-guest image pull URL --sha256 DIGEST
       vitest-guest image add NAME FILE [--sha256 DIGEST]
       vitest-guest image rm NAME...

Manages the disk images that vitest-guest has built or downloaded. They are in images/ in the cache.

  ls     lists them: name, size on disk, age, last use, contents, and who uses them
         --all lists every name that \`image\` takes, and what of it is in the cache
  pull   downloads vendors' images, or builds debian-11, 12 or 13, before a test needs them; for the newest build of a
         vendor (NAME-latest), asks the vendor which one it is
  add    takes a file that was downloaded elsewhere, if its digest is right. NAME is a vendor's image or, for an image
         that tests want by its URL, the digest as sha256:DIGITS. A build that has no fixed digest, and that this host
         cannot look up, needs --sha256 or --sha512
  rm     removes images, by name or by the beginning of a name; the next test that needs one fetches or builds it again

Never removes an image that is in use, that a template is based on, or that was used less than a minute ago.

HTTPS_PROXY, HTTP_PROXY and NO_PROXY apply to downloads. VITEST_GUEST_IMAGE_MIRROR is a URL below which vendors' images
are looked for, by the host and path of their own URLs.

Exit code: 0, or 1 if something failed or was not removed.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { all: { type: 'boolean', default: false }, sha256: { type: 'string' }, sha512: { type: 'string' } },
    })
    const [verb, ...operands] = positionals
    const { all, ...digests } = values
    if (all && verb !== 'ls') throw new UsageError('--all is for image ls')
    if (verb === 'ls' && operands.length === 0) {
      const images = await listImages()
      print(all ? await renderNames(images) : renderImages(images, await listTemplates()))
    } else if (verb === 'pull') await pull(operands, digests)
    else if (verb === 'add') await add(operands, digests)
    else if (verb === 'rm' && operands.length > 0) await remove(operands)
    else throw new UsageError('usage: image ls, image pull NAME..., image add NAME FILE, or image rm NAME...')
    return 0
  },
} satisfies Command

async function remove(beginnings: readonly string[]): Promise<void> {
  const [images, templates] = await Promise.all([listImages(), listTemplates()])
  await removeEntries('image', images, beginnings, (name) => {
    const keys = keysOn(name, templates)
    if (keys.length === 0) return removeImage(name)
    throw new GuestError(`These templates are based on image ${name}: ${keys.join(', ')}`, {
      hint: `Remove them first: npx vitest-guest template rm ${keys.join(' ')}`,
    })
  })
}
