import { badOption } from '../errors/bad-option.ts'
import { isPlainObject } from './check.ts'
import type { EgressOptions } from './network/egress.ts'
import type { ImageSpec } from './image.ts'

/** The same symbol in every copy of this module. */
const LAYER = Symbol.for('vitest-guest.layer')

/** A layer with all its defaults filled in. */
export interface LayerSpec {
  /** For people. */
  readonly name: string
  readonly from: ImageSpec
  /** The options of its own machine, of those that a guest has; the others are those of `from`. */
  readonly machine: Readonly<Record<string, unknown>>
  readonly egress: boolean | Readonly<EgressOptions>
  /** Of the function, in milliseconds with KVM. */
  readonly timeout: number
  /** The text of its function, and its version. */
  readonly text: string
  /** Paths and patterns, as they were given, and the folder that they are relative to. */
  readonly inputs: readonly string[]
  readonly folder: string
  /** What is run on the machine, given a guest. Undefined for one that this process only knows by its recipe. */
  readonly prepare?: (guest: never) => unknown
  /** A digest of its text and inputs, where another process has looked at them. */
  readonly recipe?: string
}

/** A machine that is prepared once. Use it wherever an image is. It is made with `layer()`. */
export interface Layer {
  /** For people, as in `vitest-guest template ls`. */
  readonly name: string
}

interface Marked extends Layer {
  readonly [LAYER]: LayerSpec
}

export function makeLayer(spec: LayerSpec): Layer {
  const { name, text, machine, from } = spec
  // What tells one from another, also where options are compared as JSON.
  const toJSON = () => ({ layer: name, text, machine, from: 'layer' in from ? makeLayer(from.layer) : from })
  return Object.freeze({ name, toJSON, [LAYER]: spec } as Marked)
}

/** What a layer says; undefined for anything else. */
export function layerIn(value: unknown): LayerSpec | undefined {
  return typeof value === 'object' && value !== null && LAYER in value ? (value as Marked)[LAYER] : undefined
}

/** What a layer is in a message to another process: options there may have it in the place of the layer. */
export interface LayerReference {
  readonly preparedLayer: Omit<LayerSpec, 'prepare' | 'from'> & {
    readonly from: LayerReference | { readonly spec: ImageSpec }
  }
}

/** @param recipes of the layer and those below it, the first for itself */
export function referTo(
  { prepare: _, from, ...spec }: LayerSpec,
  [recipe, ...below]: readonly string[],
): LayerReference {
  const next = 'layer' in from ? referTo(from.layer, below) : { spec: from }
  return { preparedLayer: { ...spec, ...(recipe !== undefined && { recipe }), from: next } }
}

export function isReference(value: unknown): value is LayerReference {
  return isPlainObject(value) && isPlainObject(value['preparedLayer'])
}

export function referredTo({ preparedLayer: { from, ...spec } }: LayerReference): LayerSpec {
  return { ...spec, from: 'spec' in from ? from.spec : { layer: referredTo(from) } }
}

/** The image at the bottom of a chain of layers. */
export function baseOf(image: ImageSpec): Exclude<ImageSpec, { layer: LayerSpec }> {
  return 'layer' in image ? baseOf(image.layer.from) : image
}

/** The options of a machine that a layer was prepared on, of those that a guest has. */
export function machineOptionsOf(image: ImageSpec): Readonly<Record<string, unknown>> {
  return 'layer' in image ? { ...machineOptionsOf(image.layer.from), ...image.layer.machine } : {}
}

/** A layer, from the bottom of its chain up to itself. */
export function layersOf(image: ImageSpec): LayerSpec[] {
  return 'layer' in image ? [...layersOf(image.layer.from), image.layer] : []
}

export const LAYER_HINT = "Write layer({ from: 'debian-12' }, async (guest) => { … })."

/** @throws GuestError when there is none */
export function requireFrom(from: unknown): void {
  if (from !== undefined) return
  throw badOption(
    'from',
    'an image or a layer',
    from,
    `${LAYER_HINT} A layer that is defined later is undefined here: do two modules with layers import one another? A layer cannot be its own ancestor.`,
  )
}
