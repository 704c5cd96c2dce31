import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { guests } from '../../fixtures/plugin.ts'
import { layerReference } from '../../src/guest/layer/recipe.ts'
import { inputsDigest } from '../../src/guest/layer/inputs.ts'
import { layer, type LayerOptions } from '../../src/index.ts'
import { asPrepared, resolveGuest } from '../../src/options/guest-options.ts'
import { layerIn } from '../../src/options/layer.ts'
import { resolveNetwork } from '../../src/options/network/network-options.ts'

const network = resolveNetwork()

test.for([
  [{}, 'from', /must be an image or a layer; got undefined[^]*A layer cannot be its own ancestor/],
  [{ from: undefined }, 'from', /do two modules with layers import one another\?/],
  [{ from: 'debian-12', memori: '1G' }, 'memori', /Unknown option `memori`. Did you mean `memory`\?/],
  [{ from: 'debian-12', hostname: 'a' }, 'hostname', /Unknown option/],
  [{ from: 'debain-12' }, 'from', /Did you mean 'debian-12'\?/],
  [{ from: 'debian-12', memory: 'much' }, 'memory', /a size with its unit/],
  [{ from: 'debian-12', inputs: 'dist' }, 'inputs', /an array of paths/],
  [{ from: 'debian-12', inputs: [1] }, 'inputs', /an array of paths/],
  [{ from: 'debian-12', egress: 'yes' }, 'egress', /true, false, or an object/],
  [{ from: 'debian-12', version: {} }, 'version', /a string or a number/],
  [{ from: 'debian-12', timeout: 0 }, 'timeout', /a positive number of milliseconds/],
  [{ from: 'debian-12', name: 'two\nlines' }, 'name', /a line of 1 to 100/],
] as const)('layer(%j) is refused', ([options, option, message]) => {
  const make = () => layer(options as unknown as LayerOptions, () => {})
  expect(make).toThrow(message)
  expect(make).toThrow(expect.objectContaining({ option }) as Error)
})

test('what is no function, and what is no layer', () => {
  expect(() => layer({ from: 'debian-12' }, undefined as never)).toThrow('Option `prepare` must be a function')
  expect(() => guests({ layers: ['debian-12'] as never })).toThrow('Option `layers` must be an array of what layer()')
  expect(() => guests({ layer: [] } as never)).toThrow('Unknown option `layer`')
  expect(() => guests(null as never)).toThrow('guests() takes an options object; got null')
  const closed = {
    get layers(): never {
      throw new Error('closed')
    },
  }
  expect(() => guests(closed)).toThrow('Option `layers` cannot be read: closed')
})

test('it is called after the place where it is defined', () => {
  expect(layer({ from: 'debian-12' }, () => {}).name).toMatch(/^test\/unit\/layer-options\.test\.ts:\d+$/)
  expect(layer({ from: 'debian-12', name: 'app' }, () => {}).name).toBe('app')
})

test('options that are omitted are those of the layer, and of the one below it', () => {
  const below = layer({ from: 'debian-12', memory: '1G', cpus: 3 }, () => {})
  const image = layer({ from: below, cpus: 1 }, () => {})
  expect(resolveGuest({ image }, network)).toMatchObject({ memoryMib: 1024, cpus: 1 })
  const other = resolveGuest({ image, memory: '2G', hostname: 'own' }, network)
  expect(other).toMatchObject({ memoryMib: 2048, cpus: 1 })
  expect(asPrepared(other, network)).toMatchObject({ memoryMib: 1024, cpus: 1, hostname: 'own' })
  expect(resolveGuest({ image, memory: undefined } as object, network).memoryMib).toBe(1024)
})

test('layers of different functions are not the same where options are compared as JSON', () => {
  const [one, two] = [1, 2].map((version) => layer({ from: 'debian-12', name: 'same', version }, () => {}))
  expect(JSON.stringify(one)).not.toBe(JSON.stringify(two))
})

test('a reference is data, and is the same layer without its function', async () => {
  const below = layer({ from: { base: 'debian-12', packages: ['nginx'] }, memory: '1G' }, () => {})
  const spec = layerIn(layer({ from: below, name: 'app' }, () => {}))
  const reference = spec && structuredClone(await layerReference(spec))
  const { image, memoryMib } = resolveGuest({ image: reference as never }, network)
  expect(memoryMib).toBe(1024)
  expect(image).toMatchObject({ layer: { name: 'app', recipe: expect.any(String) as string } })
  expect('layer' in image && image.layer.prepare).toBeUndefined()
})

test('inputs count by their names and content, wherever they are', async () => {
  const folders = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), 'vg-inputs-'))))
  onTestFinished(async () => void (await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))))
  for (const folder of folders) {
    await mkdir(join(folder, 'dist/deep'), { recursive: true })
    await writeFile(join(folder, 'dist/deep/app.deb'), 'app')
    await writeFile(join(folder, 'dist/notes'), 'notes')
  }
  const [one = '', two = ''] = folders
  const digest = (folder: string, ...inputs: string[]) => inputsDigest({ folder, inputs })
  for (const input of ['dist', 'dist/deep/app.deb', 'dist/**/*.deb'])
    expect(await digest(one, input)).toBe(await digest(two, input))
  const before = await Promise.all(['dist', 'dist/**/*.deb', 'dist/notes'].map((input) => digest(one, input)))
  await writeFile(join(one, 'dist/deep/app.deb'), 'another')
  const after = await Promise.all(['dist', 'dist/**/*.deb', 'dist/notes'].map((input) => digest(one, input)))
  expect(after.map((each, index) => each === before[index])).toEqual([false, false, true])
  await expect(digest(one, 'dist/*.rpm')).rejects.toThrow(`The input dist/*.rpm of a layer does not exist in ${one}`)
})
