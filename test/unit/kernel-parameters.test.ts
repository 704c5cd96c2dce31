import { expect, test } from 'vitest'
import { GuestError } from '../../src/errors.ts'
import { parseKernelParameters } from '../../src/options/kernel-parameters.ts'
import { resolveGuest } from '../../src/options/guest-options.ts'
import { resolveNetwork } from '../../src/options/network/network-options.ts'
import { templateKey } from '../../src/template/key.ts'

const BUILT = { base: 'debian-12', packages: [] } as const

test('parameters are as on the command line, with spaces in double quotes', () => {
  const parameters = ['quiet', 'crashkernel=128M', 'dyndbg="file ec.c +p"', 'mitigations=auto,nosmt']
  expect(parseKernelParameters(parameters, BUILT)).toEqual(parameters)
  expect(parseKernelParameters([], { path: '/disk.qcow2' })).toEqual([])
})

test.for([
  ['a text', 'quiet', /must be an array of strings; got 'quiet'/],
  ['a number in it', [7], /must be an array of strings/],
  ['two in one', ['quiet splash'], /one parameter per string.*got 'quiet splash'/],
  ['an empty one', [''], /one parameter per string/],
  ['a line end', ['quiet\ninit=/bin/sh'], /one parameter per string/],
  ['a NUL', ['quiet\0'], /one parameter per string/],
  ['what is not ASCII', ['grüße'], /one parameter per string/],
  ['a quote that does not end', ['a="b'], /one parameter per string/],
  ['too many', ['x'.repeat(800), 'y'.repeat(800)], /at most 1500 characters in total; got 1601/],
] as const)('%s is refused', ([, parameters, message]) => {
  const parse = () => parseKernelParameters(parameters, BUILT)
  expect(parse).toThrow(GuestError)
  expect(parse).toThrow(message)
})

test('a disk with its own boot loader takes none, and the error says where they belong', () => {
  expect(() => parseKernelParameters(['quiet'], { path: '/disk.qcow2' })).toThrow(
    /`kernelParameters` must be omitted for a disk with its own boot loader \(\/disk\.qcow2\)[^]*update-grub/,
  )
})

test("they are part of the template's key", () => {
  const network = resolveNetwork({})
  const keyOf = (append: string) =>
    templateKey({
      spec: resolveGuest({}, network),
      network: { ...network, backend: 'tap' },
      accel: 'tcg',
      imageDigest: 'a',
      direct: { kernel: 'k', initrd: 'i', append },
      qemuVersion: '7.2',
      hasOwnIdentity: false,
    })
  expect(keyOf('root=/dev/vda quiet')).not.toBe(keyOf('root=/dev/vda'))
})
