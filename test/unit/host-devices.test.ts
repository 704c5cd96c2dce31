import { execa } from 'execa'
import { expect, test } from 'vitest'
import { whyUnopenable } from '../../src/host/rights/device.ts'
import { tunFault } from '../../src/host/rights/tun.ts'
import { evaluationCommand } from './support/node.ts'

/** Runs requireTun() with a changed /dev/net: in a mount namespace, without any capability. */
async function requireTunAfter(change: string): Promise<unknown> {
  const command = evaluationCommand('host/rights/tun.ts', 'm.requireTun()')
  const script = `mount -t tmpfs none /dev/net && ${change} && exec setpriv --bounding-set=-all --inh-caps=-all -- "$@"`
  const args = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', ...command]
  return JSON.parse((await execa('unshare', args)).stdout)
}

test('/dev/net/tun missing: a HostError that says how to get it', async () => {
  const error = await requireTunAfter('true')
  expect(error).toMatchObject({
    name: 'HostError',
    message: expect.stringContaining('/dev/net/tun is missing') as string,
  })
  expect(error).toMatchObject({ hint: expect.stringContaining('sudo modprobe tun') as string })
  expect(error).toMatchObject({ hint: expect.stringContaining('--device /dev/net/tun') as string })
})

test('/dev/net/tun closed to this user: a HostError that says how to open it', async () => {
  expect(await requireTunAfter('touch /dev/net/tun && chmod 0 /dev/net/tun')).toMatchObject({
    name: 'HostError',
    message: expect.stringContaining('/dev/net/tun cannot be read and written by this user (EACCES)') as string,
    hint: expect.stringContaining('sudo chmod 0666 /dev/net/tun') as string,
  })
})

test('an accessible /dev/net/tun: no error', async () => {
  expect(await requireTunAfter('touch /dev/net/tun')).toBeNull()
})

test('each way in which a device can refuse has its own remedy', () => {
  expect(tunFault('ENODEV')).toEqual({
    what: '/dev/net/tun has no driver behind it (ENODEV): no TAP can be created',
    fix: 'sudo modprobe tun',
  })
  expect(tunFault('EPERM').fix).toBe('start the container with --device /dev/net/tun')
  expect(whyUnopenable('/dev/null')).toBeUndefined()
  expect(whyUnopenable('/dev/nothing')).toBe('ENOENT')
})
