import { expect, test } from 'vitest'
import { acquire, Disposers } from '../../src/lifetime/disposers.ts'

test('all steps run, newest first, whatever throws; the first error is kept', async () => {
  const ran: string[] = []
  const disposers = new Disposers()
  for (const name of ['a', 'b', 'c']) {
    disposers.defer(() => {
      ran.push(name)
      if (name !== 'a') throw new Error(name)
    })
  }
  await expect(disposers[Symbol.asyncDispose]()).rejects.toThrow('c')
  expect(ran).toEqual(['c', 'b', 'a'])
})

test('disposing twice runs the steps once, and both wait until they are done', async () => {
  let count = 0
  const disposers = new Disposers()
  disposers.defer(() => new Promise((resolve) => setTimeout(() => resolve(count++), 20)))
  await Promise.all([disposers[Symbol.asyncDispose](), disposers[Symbol.asyncDispose]()])
  expect(count).toBe(1)
})

test('when acquiring fails half-way, everything is released, and the original error is thrown', async () => {
  const released: string[] = []
  const attempt = acquire((disposers) => {
    disposers.defer(() => {
      released.push('first')
      throw new Error('while releasing')
    })
    return Promise.reject(new Error('half-way'))
  })
  await expect(attempt).rejects.toThrow('half-way')
  expect(released).toEqual(['first'])
})

test('a step added after disposal runs at once', async () => {
  const disposers = new Disposers()
  await disposers[Symbol.asyncDispose]()
  const ran: string[] = []
  disposers.defer(() => ran.push('late'))
  expect(ran).toEqual(['late'])
})
