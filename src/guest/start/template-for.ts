import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { BootError, ImageError } from '../../errors.ts'
import { qemuVersion } from '../../host/program/qemu-version.ts'
import { warnOnce } from '../../host/warn-once.ts'
import type { DiskFile } from '../../image/image.ts'
import { resolveImage, type Image } from '../../image/resolve-image.ts'
import { asPrepared, type GuestSpec } from '../../options/guest-options.ts'
import { imageLabel } from '../../options/image.ts'
import { findTemplate, type Unfreezable, type Wanted } from '../../template/find-template.ts'
import { hasChangeableCards, isIdentityOf, usualGuest } from '../../template/identity/identity.ts'
import { templateKey } from '../../template/key.ts'
import { asParent, FILES, openTemplate, type Template } from '../../template/store.ts'
import { buildLayer } from '../layer/build-layer.ts'
import { recipeOf } from '../layer/recipe.ts'
import type { Start } from './boot-machine.ts'
import { buildTemplate } from './build-template.ts'
import type { ChainedTemplate } from './chained-template.ts'

/** What determines the template, and where it is built if it does not exist. */
export type TemplateWish = Pick<
  Start,
  'spec' | 'accel' | 'image' | 'network' | 'register' | 'onProgress' | 'onConsole' | 'signal'
> &
  Partial<Pick<Start, 'place' | 'further'>>

type Found = ChainedTemplate | Unfreezable

export async function templateFor(wish: TemplateWish): Promise<Found> {
  const { spec, network } = wish
  // The identity of a machine with several cards includes all of them.
  if (!hasChangeableCards(spec) || wish.further?.length) return findOrBuild(wish, true)
  const template = await findOrBuild({ ...wish, spec: usualGuest(spec, network) }, false)
  if ('unfreezable' in template || !template.unchangeable || isIdentityOf(spec, template)) return template
  warnOfUnchangeable(spec, template)
  return findOrBuild(wish, true)
}

/** What such a guest boots from: the image, or the disk of the layer. */
export async function imageToBoot(wish: TemplateWish): Promise<Image> {
  const { spec, image } = wish
  return 'layer' in spec.image ? diskOf(await preparedTemplate(wish), spec, image) : image
}

async function findOrBuild(wish: TemplateWish, hasOwnIdentity: boolean): Promise<Found> {
  const { spec, network, image, further = [] } = wish
  const prepared = asPrepared(spec, network)
  if (!prepared) return findBooted(wish, hasOwnIdentity)
  if (further.length === 0 && isDeepStrictEqual(prepared, spec)) return findLayer(wish, hasOwnIdentity)
  // The RAM of another machine is of no use to it.
  const below = await preparedTemplate(wish)
  return findBooted({ ...wish, image: diskOf(below, spec, image) }, hasOwnIdentity, below)
}

/** The template of a layer, whatever the guest wants its machine to be. */
async function preparedTemplate({ place: _, further: __, ...wish }: TemplateWish): Promise<ChainedTemplate> {
  const { spec, image, network, signal, onProgress } = wish
  const prepared = asPrepared(spec, network) ?? spec
  const { kernelParameters } = prepared
  const base = isDeepStrictEqual(kernelParameters, spec.kernelParameters)
    ? image
    : await resolveImage(spec.image, { kernelParameters, signal, onProgress })
  return requireFrozen(await templateFor({ ...wish, image: base, spec: usualGuest(prepared, network) }), spec)
}

async function findLayer(wish: TemplateWish, hasOwnIdentity: boolean): Promise<Found> {
  const { spec, image, signal } = wish
  if (!('layer' in spec.image)) throw new TypeError('not a layer')
  const { layer } = spec.image
  const below = { ...spec, image: layer.from }
  const parent = requireFrozen(await findOrBuild({ ...wish, spec: below }, hasOwnIdentity), spec)
  const recipe = await recipeOf(layer, signal)
  const content = createHash('sha256').update(`${parent.key} ${recipe}`).digest('hex')
  const key = await keyOf(wish, content, hasOwnIdentity)
  const label = `${layer.name} on ${imageLabel(layer.from)}, ${spec.memoryMib} MiB, ${spec.hostname}`
  const template = await findTemplate({
    ...announced(wish, label, (folder, onProgress) => {
      return buildLayer(folder, { ...wish, layer, recipe, parent, key, label, onProgress, base: image })
    }),
    key,
    parent: asParent(parent),
  })
  if ('unfreezable' in template) return template
  return { ...template, backing: diskFile(parent), below: parent }
}

/** One that is made by booting. @param below whose disk the image is, if it is a layer's */
async function findBooted(wish: TemplateWish, hasOwnIdentity: boolean, below?: ChainedTemplate): Promise<Found> {
  const { spec, image, signal } = wish
  const key = await keyOf(wish, await image.digest(signal), hasOwnIdentity)
  const label = `${image.label}, ${spec.memoryMib} MiB, ${spec.hostname}`
  const parent = below && asParent(below)
  const cards = await cardsOf(wish)
  const template = await findTemplate({
    ...announced(wish, label, (folder, onProgress) => {
      return buildTemplate(folder, { ...wish, cards, key, label, parent, onProgress })
    }),
    key,
    parent,
  })
  return 'unfreezable' in template ? template : { ...template, backing: image.disk, below }
}

async function keyOf(wish: TemplateWish, imageDigest: string, hasOwnIdentity: boolean): Promise<string> {
  const { spec, network, accel, image, signal } = wish
  const cards = await cardsOf(wish)
  const { direct } = image
  return templateKey({
    spec,
    cards,
    network,
    accel,
    imageDigest,
    direct,
    qemuVersion: await qemuVersion(signal),
    hasOwnIdentity,
  })
}

async function cardsOf({ further = [] }: TemplateWish) {
  return (await Promise.all(further)).map(({ network, attachment: { member }, macAddress }) => ({
    network,
    address: member.address,
    macAddress,
  }))
}

/** Progress is for the caller and for whoever waits for the lock. */
function announced(
  { onProgress, signal }: TemplateWish,
  label: string,
  build: (folder: string, onProgress: (line: string) => void) => Promise<void>,
): Pick<Wanted, 'label' | 'onProgress' | 'signal' | 'build'> {
  return {
    label,
    onProgress,
    signal,
    build: (folder, tell) =>
      build(folder, (line) => {
        onProgress(line)
        // The label is reported anyway.
        tell(line.replace(`template ${label}: `, ''))
      }),
  }
}

/** @throws BootError for a machine that cannot be frozen, so that nothing can stand on it */
function requireFrozen(found: Found, { image }: GuestSpec): ChainedTemplate {
  if (!('unfreezable' in found)) return found
  throw new BootError(`The layer ${imageLabel(image)} cannot be prepared: ${found.unfreezable}`, {
    hint: 'A layer is frozen as it runs, so what is below it must be an image that can be: see docs/images.md.',
  })
}

function diskFile({ folder, backing }: ChainedTemplate): DiskFile {
  return { path: join(folder, FILES.disk), format: 'qcow2', backing }
}

/** The disk of a layer, as an image that boots as the one at its bottom does. */
function diskOf(template: ChainedTemplate, { image }: GuestSpec, base: Image): Image {
  const { folder, key } = template
  const label = imageLabel(image)
  return {
    ...base,
    label,
    disk: diskFile(template),
    digest: () => Promise.resolve(`layer ${key}`),
    verify: async () => {
      const found = await openTemplate(folder, key, { isSuspect: true })
      if ('fault' in found) throw new ImageError(`The layer ${label} is damaged: ${found.fault}`)
    },
  }
}

function warnOfUnchangeable({ hostname }: GuestSpec, { label, unchangeable }: Template): void {
  warnOnce(
    `A clone of the template ${label} cannot change its name or address: ${unchangeable}. ` +
      `Guest ${hostname} therefore gets its own template, which is booted once\n` +
      UNCHANGEABLE_HINT,
  )
}

export const UNCHANGEABLE_HINT =
  "Let systemd-networkd, netplan, NetworkManager or ifupdown manage the card, as cloud-init sets it up, or set start: 'cold' to boot every time without this warning."
