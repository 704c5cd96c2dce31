import { createHash } from 'node:crypto'
import type { ImageSpec } from '../../options/image.ts'
import { layersOf, referTo, type LayerReference, type LayerSpec } from '../../options/layer.ts'
import { inputsDigest } from './inputs.ts'

/** A digest of what a layer does: the text of its function, its version, and the content of its inputs. */
export async function recipeOf(layer: LayerSpec, signal?: AbortSignal): Promise<string> {
  if (layer.recipe !== undefined) return layer.recipe
  const { text, egress } = layer
  const content = [text, egress, await inputsDigest(layer, signal)]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

/** What another process, which cannot be given functions, needs to start guests from a layer that is there. */
export async function layerReference(layer: LayerSpec, signal?: AbortSignal): Promise<LayerReference> {
  const image: ImageSpec = { layer }
  const recipes: string[] = []
  for (const each of layersOf(image).reverse()) recipes.push(await recipeOf(each, signal))
  return referTo(layer, recipes)
}
