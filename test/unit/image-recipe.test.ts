import { expect, test } from 'vitest'
import { additionFor } from '../../src/image/build/addition.ts'
import { makeRecipe } from '../../src/image/build/recipe.ts'
import { BUILT_IMAGES } from '../../src/options/image.ts'

const plain = makeRecipe({ base: 'debian-12', packages: [] })

test('the same image has the same key; another package another one', () => {
  expect(makeRecipe({ base: 'debian-12', packages: [] }).key).toBe(plain.key)
  const withNginx = makeRecipe({ base: 'debian-12', packages: ['nginx'] })
  expect(withNginx.key).not.toBe(plain.key)
  expect(withNginx.folder).not.toBe(plain.folder)
  expect(withNginx.label).toBe('debian-12 + nginx')
  expect(withNginx.mmdebstrap.some((word) => /^--include=.*\bnginx\b/.test(word))).toBe(true)
})

test('a folder is named after its image and key, safe as a file name', () => {
  const { folder } = makeRecipe({ base: 'debian-12', packages: ['g++', 'libc6-dev'] })
  expect(folder).toMatch(/^debian-12[\w.+-]*-[0-9a-f]{12}$/)
})

test('a kernel among the packages takes the place of the cloud kernel', () => {
  const include = (packages: string[]) =>
    makeRecipe({ base: 'debian-12', packages }).mmdebstrap.find((word) => word.startsWith('--include='))
  expect(include([])).toContain('linux-image-cloud-amd64')
  expect(include(['linux-image-amd64'])).not.toContain('linux-image-cloud-amd64')
})

test('what real provisioning needs is in it', () => {
  const include = plain.mmdebstrap.find((word) => word.startsWith('--include=')) ?? ''
  for (const name of ['cloud-init', 'openssh-server', 'python3', 'sudo', 'iproute2', 'curl'])
    expect(include).toContain(name)
  expect(include).not.toContain('ifupdown')
})

test('each release has its own suite, and checks the dates of its package lists', () => {
  const recipes = BUILT_IMAGES.map((base) => makeRecipe({ base, packages: [] }))
  expect(recipes.map(({ label, suite }) => `${label}: ${suite}`).sort()).toEqual([
    'debian-11: bullseye',
    'debian-12: bookworm',
    'debian-13: trixie',
  ])
  expect(JSON.stringify(recipes)).not.toMatch(/Valid-Until/i)
})

test('packages are added to the image without them, unless they include a kernel', () => {
  const addition = (packages: string[]) => additionFor(makeRecipe({ base: 'debian-13', packages }))
  expect(addition([])).toBeUndefined()
  expect(addition(['linux-image-amd64', 'nginx'])).toBeUndefined()
  const { plain: below, install, mmdebstrap } = addition(['g++', 'nginx']) ?? {}
  expect(below).toEqual(makeRecipe({ base: 'debian-13', packages: [] }))
  expect(install).toMatch(/ install g\+\+ nginx\n$/)
  expect(mmdebstrap?.join(' ')).not.toContain('--include')
})
