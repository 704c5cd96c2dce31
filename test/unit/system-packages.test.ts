import { afterEach, expect, test, vi } from 'vitest'
import { packageOf, missingSystemPackages } from '../../scripts/setup/system-packages.mjs'
import { missingPackages } from '../../src/doctor/missing-packages.ts'
import { PACKAGE_OF } from '../../src/host/program/tools.ts'

const ROOT = new URL('../..', import.meta.url).pathname

afterEach(() => {
  vi.unstubAllEnvs()
})

test('set-up reads the same table as the doctor', () => {
  expect(packageOf(ROOT)).toEqual(PACKAGE_OF)
})

test('set-up installs at least what the doctor reports missing', () => {
  vi.stubEnv('PATH', '/nonexistent')
  expect(missingPackages()).not.toEqual([])
  expect(missingSystemPackages(ROOT)).toEqual(expect.arrayContaining(missingPackages()))
})

test('each program that is not on PATH adds its package, once, and nothing else does', () => {
  vi.stubEnv('PATH', '/nonexistent')
  expect(missingSystemPackages(ROOT, { 'no-such-program': 'a', 'nor-this': 'a', '/etc/hostname': 'b' })).toContain('a')
  expect(missingSystemPackages(ROOT, { '/etc/hostname': 'b' })).not.toContain('b')
})

test('only one ISO writer is installed', () => {
  vi.stubEnv('PATH', '/nonexistent')
  const missing = missingSystemPackages(ROOT)
  expect(missing).toContain('xorriso')
  expect(missing).not.toContain('genisoimage')
})
