import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HostError } from '../../src/errors.ts'
import { budgetFactor, chooseAccelerator } from '../../src/accelerator/accelerator.ts'
import { LONG_MODE_REACHED } from '../../src/accelerator/boot-sector.ts'
import { whyUnopenable } from '../../src/host/rights/device.ts'
import { findKvmFault } from '../../src/accelerator/kvm.ts'
import { recall, remember } from '../../src/host/files/remembered-answer.ts'
import { standIn, temporaryFolder } from './support/temporary-folder.ts'

const QEMU = 'qemu-system-x86_64'
const noDevice = whyUnopenable('/dev/kvm')

beforeEach(() => void vi.stubEnv('VITEST_GUEST_CACHE', temporaryFolder()))
afterEach(() => void vi.unstubAllEnvs())

/** Puts a stand-in first on PATH; returns a count of its starts. */
function withQemu(script: string): () => number {
  const folder = temporaryFolder()
  const log = join(folder, 'log')
  standIn(QEMU, `echo started >> ${log}; ${script}`, folder)
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`)
  return () => (readdirSync(folder).includes('log') ? readFileSync(log, 'utf8').trim().split('\n').length : 0)
}

test('requested emulation needs no experiment', async () => {
  const started = withQemu('exit 1')
  expect(await chooseAccelerator('tcg')).toEqual({ accel: 'tcg', reason: 'emulation was requested' })
  expect(started()).toBe(0)
})

test('emulation has ten times the budget', () => {
  expect([budgetFactor('kvm'), budgetFactor('tcg')]).toEqual([1, 10])
})

test('without QEMU there is a HostError that names the package', async () => {
  vi.stubEnv('PATH', temporaryFolder())
  await expect(chooseAccelerator('auto')).rejects.toThrow(HostError)
  await expect(chooseAccelerator('auto')).rejects.toThrow('qemu-system-x86')
})

test('an aborted signal ends it with its reason', async () => {
  await expect(chooseAccelerator('auto', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
})

test('a working KVM is used, and the answer remembered', async ({ skip }) => {
  skip(noDevice !== undefined, `/dev/kvm cannot be opened here: ${noDevice}`)
  const started = withQemu(`exit ${LONG_MODE_REACHED}`)
  expect(await chooseAccelerator('auto')).toEqual({ accel: 'kvm', reason: '/dev/kvm runs 64-bit code' })
  expect((await chooseAccelerator('kvm')).accel).toBe('kvm')
  expect(started()).toBe(1)
})

test('a broken KVM is not used, and requesting it is an error', async ({ skip }) => {
  skip(noDevice !== undefined, `/dev/kvm cannot be opened here: ${noDevice}`)
  const started = withQemu(`echo '${QEMU}: error: failed to set MSR 0x48e' >&2; exit 1`)
  const { accel, reason } = await chooseAccelerator('auto')
  expect(accel).toBe('tcg')
  expect(reason).toBe(
    '/dev/kvm opens but does not run 64-bit code: QEMU failed with exit code 1 (QEMU: error: failed to set MSR 0x48e)',
  )
  await expect(chooseAccelerator('kvm')).rejects.toMatchObject({
    name: 'HostError',
    option: 'accel',
    message: expect.stringContaining('KVM was requested but does not work') as string,
    hint: expect.stringContaining("accel: 'auto'") as string,
  })
  expect(started()).toBe(1)
  await findKvmFault({ afresh: true })
  expect(started()).toBe(2)
})

test('another QEMU is tested again', async ({ skip }) => {
  skip(noDevice !== undefined, `/dev/kvm cannot be opened here: ${noDevice}`)
  withQemu('exit 1')
  expect((await chooseAccelerator('auto')).accel).toBe('tcg')
  withQemu(`exit ${LONG_MODE_REACHED}`)
  expect((await chooseAccelerator('auto')).accel).toBe('kvm')
})

test("this host's KVM, if broken, is refused within the limit", async ({ skip }) => {
  skip(noDevice !== undefined, `/dev/kvm cannot be opened here: ${noDevice}`)
  const start = performance.now()
  const fault = await findKvmFault({ afresh: true })
  skip(fault === undefined, 'KVM works here')
  expect(fault?.reason).toMatch(/^\/dev\/kvm opens but does not run 64-bit code: /)
  expect(performance.now() - start).toBeLessThan(4000)
})

test('an answer is kept in the cache folder, with the circumstances it was found in', () => {
  const cache = join(temporaryFolder(), 'not', 'yet', 'there')
  vi.stubEnv('VITEST_GUEST_CACHE', cache)
  remember('kept', { key: 'boot 1', fault: 'hangs' })
  expect(readdirSync(cache)).toEqual(['kept.json'])
  expect(recall('kept', 'boot 1')).toEqual({ key: 'boot 1', fault: 'hangs' })
  expect(recall('kept', 'boot 2')).toBeUndefined()
})

test('a cache folder that is read-only or contains rubbish is not an error', () => {
  vi.stubEnv('VITEST_GUEST_CACHE', '/dev/null/cache')
  remember('unwritable', { key: 'boot 1' })
  expect(recall('unwritable', 'boot 1')).toEqual({ key: 'boot 1' })

  const cache = temporaryFolder()
  vi.stubEnv('VITEST_GUEST_CACHE', cache)
  writeFileSync(join(cache, 'rubbish.json'), '{"key": 1')
  expect(recall('rubbish', 'boot 1')).toBeUndefined()
  mkdirSync(join(cache, 'folder.json'))
  chmodSync(join(cache, 'folder.json'), 0o755)
  remember('folder', { key: 'boot 1' })
  expect(readdirSync(cache).sort()).toEqual(['folder.json', 'rubbish.json'])
})
