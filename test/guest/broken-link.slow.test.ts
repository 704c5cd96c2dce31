import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, openNetwork, type GuestNetwork } from '../../src/index.ts'
import { brokenLink } from '../../src/network/diagnosis/broken-link.ts'
import { plugIn } from '../support/plug-in.ts'
import { childrenOf } from '../support/processes.ts'

let network: GuestNetwork

beforeAll(async () => {
  network = await openNetwork()
  await network.attach({ hostname: 'web', address: '192.168.100.230' })
})
afterAll(() => network[Symbol.asyncDispose]())

async function ip(...words: string[]): Promise<void> {
  const [file, ...args] = network.inside(['ip', ...words])
  await execa(file, args)
}

test.for([
  ['TAP tap0 is down', ['link set dev tap0 down'], ['link set dev tap0 up']],
  ['TAP tap0 is on no bridge', ['link set dev tap0 nomaster'], ['link set dev tap0 master br0']],
  ['Bridge br0 is down', ['link set dev br0 down'], ['link set dev br0 up']],
  [
    'Bridge br0 has lost its address 192.168.100.50',
    ['address flush dev br0'],
    ['address add 192.168.100.50/24 dev br0'],
  ],
] as const)('%s: named, with the command that fixes it', async ([what, harm, fix]) => {
  expect(await brokenLink(network, 'web')).toBeUndefined()
  for (const words of harm) await ip(...words.split(' '))
  const error = await brokenLink(network, 'web')
  expect(error).toMatchObject({ name: 'NetworkError' })
  expect(error?.message.split('\n')).toEqual([
    `${what}, so guest web cannot be reached`,
    expect.stringMatching(new RegExp(`doctor --network shows the network\\. Fix: ip ${fix.join('|')}$`)),
  ])
  for (const words of fix) await ip(...words.split(' '))
})

test('the TAP or the whole network is gone', async () => {
  await using other = await openNetwork()
  await other.attach({ hostname: 'db', address: '192.168.100.230' })
  const [file, ...args] = other.inside(['ip', 'link', 'delete', 'dev', 'tap0'])
  await execa(file, args)
  expect((await brokenLink(other, 'db'))?.message).toMatch(/^TAP tap0 is gone, so guest db cannot be reached\n/)
  await other[Symbol.asyncDispose]()
  expect((await brokenLink(other, 'db'))?.message).toMatch(
    /^The network that guest db is on is gone\n[^]*Its keeper has ended/,
  )
})

test('a TAP that another process has open: the error names the process', async () => {
  // The next guest's TAP is tap1, and another process opens it first.
  const holder = await holdTap('tap1')
  try {
    // The program that nsenter runs.
    const [pid] = childrenOf(holder.pid as number)
    await expect(bootGuest({ network, hostname: 'late', start: 'cold' })).rejects.toThrow(
      new RegExp(
        `^TAP tap1 is in use by python3 \\(process ${pid}\\)\nstderr:\n[^]*Device or resource busy\nOnly one QEMU can use a TAP at a time`,
      ),
    )
  } finally {
    holder.kill('SIGKILL')
  }
})

// test/network/neighbours.test.ts tests what the error says of such a machine.
test('a guest is not started at an address that another machine has', async () => {
  await using other = await openNetwork()
  // On an otherwise empty private network no machine is asked.
  await other.attach({ hostname: 'web', address: '192.168.100.7' })
  await using machine = await plugIn(other, '192.168.100.77/24')
  await expect(other.boot({ hostname: 'late', address: '192.168.100.77' })).rejects.toMatchObject({
    name: 'NetworkError',
    message: expect.stringMatching(/^The address 192\.168\.100\.77 is taken on the bridge: /) as string,
  })
  expect(other.guests).toEqual([])
  expect(machine.name).toBeDefined()
})

/** Opens a TAP inside as soon as it exists, as QEMU does. */
async function holdTap(name: string): Promise<ChildProcess> {
  const program = `
import fcntl, os, struct, sys, time
tun = os.open('/dev/net/tun', os.O_RDWR)
print('waiting', flush=True)
while not os.path.exists('/proc/self/net/dev') or ${JSON.stringify(name + ':')} not in open('/proc/self/net/dev').read():
    time.sleep(0.001)
while True:
    try:
        fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b${JSON.stringify(name)}, 0x1002))
        break
    except OSError:
        # ip(8), which makes it, has it open for a moment.
        time.sleep(0.001)
time.sleep(600)
`
  const [file, ...args] = network.inside(['setpriv', '--pdeathsig', 'KILL', 'python3', '-c', program])
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}
