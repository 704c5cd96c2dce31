import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { bootGuest, layer, openNetwork, type BootOptions } from '../../src/index.ts'
import { leftovers, ownTemporaryFolder } from '../support/leftovers.ts'
import { layerCache } from '../support/layer-cache.ts'

// What a layer may do wrong, chains that change, cold starts: layer.slow.test.ts.

let cache: Awaited<ReturnType<typeof layerCache>>
let temporary: Awaited<ReturnType<typeof ownTemporaryFolder>>

beforeAll(async () => {
  cache = await layerCache()
  temporary = await ownTemporaryFolder()
  process.env['TMPDIR'] = temporary.path
})
afterAll(async () => {
  delete process.env['TMPDIR']
  expect(leftovers(temporary.path)).toEqual([])
  await temporary[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
})

let prepared = 0
const notes = layer({ from: 'debian-12', name: 'notes' }, async (guest) => {
  prepared++
  await guest.writeFile('/root/note', 'on the disk\n')
  await guest.exec('echo in memory >/run/note; systemd-run --quiet --unit=ticker sleep infinity')
  await guest.exec("printf 'a line\\n\\033]0;title\\007another\\n'; seq 1 1000")
  await guest.exec('exec -a daemon sleep infinity >/dev/null 2>&1 &')
  // They are ended with the function, with whatever they have started.
  await guest.spawn('sleep 1001 | sleep 1002')
  await guest.connectSsh()
})

const LOOK = `cat /root/note /run/note; systemctl is-active ticker
ss -Htn state established '( sport = :22 )' | wc -l
grep -lx STATE=active /run/systemd/sessions/*[0-9] | wc -l
pgrep -a '^sleep$' | cut -d' ' -f2- | sort -r; systemctl --failed --no-legend --plain | wc -l; ip route show default; find /tmp -type f`

async function boot(options: BootOptions) {
  const said: string[] = []
  const guest = await bootGuest({ ...options, onProgress: (line) => void said.push(line) })
  onTestFinished(() => guest[Symbol.asyncDispose]())
  return { guest, said }
}

test('it is prepared once: guests have its disk and what it runs, and no session of those who prepared it', async () => {
  const { guest, said } = await boot({ image: notes })
  expect(guest).toMatchObject({ started: 'warm', image: 'notes' })
  const { stdout } = await guest.exec(LOOK)
  expect(stdout.split('\n')).toEqual([
    'on the disk',
    'in memory',
    'active',
    '1',
    '1',
    'daemon infinity',
    '/usr/bin/sleep infinity',
    '0',
  ])

  // The function's commands and what they write are told, so that no terminal obeys it, and not without end.
  const told = said.filter((line) => line.startsWith('layer notes: '))
  expect(told).toContain('layer notes:   | a line')
  expect(told).toContain('layer notes:   | \\x1b]0;title\\x07another')
  expect(told.join('\n')).toContain('$ echo in memory')
  expect(told).toContain('layer notes:   | … further output is not shown')
  expect(told.length).toBeLessThan(220)
  expect(said.at(-1)).toMatch(/^template notes on debian-12, 512 MiB, guest: built in \d+ s$/)
})

test('guests of one layer on a network are told apart', async () => {
  await using network = await openNetwork()
  const [one, two] = await Promise.all(
    ['one', 'two'].map((hostname) => network.boot({ hostname, image: notes, onProgress: (line) => expect.fail(line) })),
  )
  const ask = (guest = one) => guest?.exec('hostname; cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub /run/note')
  const [first, second] = (await Promise.all([ask(one), ask(two)])).map((each) => each?.stdout.split('\n') ?? [])
  expect([first?.[0], second?.[0]]).toEqual(['one', 'two'])
  expect(first?.[1]).not.toBe(second?.[1])
  expect(first?.[2]).not.toBe(second?.[2])
  expect([first?.[3], second?.[3]]).toEqual(['in memory', 'in memory'])
  await one?.exec('ping -c 1 -W 5 two && systemctl is-active ticker')
  expect(prepared).toBe(1)
})
