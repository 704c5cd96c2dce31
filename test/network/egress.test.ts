import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { needsUserNamespace } from '../../src/host/rights/namespaces.ts'
import { leftovers, leftoversAfter, ownTemporaryFolder, processesNaming } from '../support/leftovers.ts'

const PROGRAM = fileURLToPath(new URL('programs/way-out.ts', import.meta.url))

type Answers = Readonly<Record<string, string>>
type Told = Readonly<Record<'none' | 'open' | 'lan', { answers: Answers; byBridge: Answers }>> & {
  host: Answers
  names: string[]
}

/** The destinations that answered with content, not with an error. */
function reached(answers: Answers): string[] {
  return Object.keys(answers)
    .filter((place) => /^(world|host|[\d.]+)$/.test(answers[place] ?? ''))
    .map((place) => place.replace(/^tcp:\[(.*)\]:80$/, '$1'))
}

const PUBLIC = ['93.184.0.2', 'udp:93.184.0.2:7']
const LAN = ['10.20.30.40', '172.20.0.1', '192.168.77.1', '100.64.0.9', '198.18.0.1', '203.0.113.1']
const HOST = ['93.184.0.1']
const MAPPED = ['::ffff:10.20.30.40']
const LINK = ['169.254.169.254', '169.254.7.7', '100.100.100.200', '168.63.129.16', '192.0.0.192']
const IPV6 = ['2606:4700::1', 'fd00:5::1', 'fd00:ec2::254', '64:ff9b::a14:1e28']
const LAN_UDP = ['udp:10.20.30.40:7']

test('egress reaches public addresses, local ones on request, and ends with its network', async () => {
  await using folder = await ownTemporaryFolder()
  // None of this is in the tests' own namespace.
  const user = needsUserNamespace() ? ['--user', '--map-root-user'] : []
  const owner = spawn('unshare', [...user, '--net', '--mount', '--', process.execPath, PROGRAM], {
    env: { ...process.env, TMPDIR: folder.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Otherwise a failed test would leave it running, and vitest would wait for it.
  onTestFinished(() => void owner.kill('SIGKILL'))
  const [line] = (await once(createInterface(owner.stdout), 'line')) as [string]
  const { host, none, open, lan, names } = JSON.parse(line) as Told
  // Everything is running.
  const everything = [...PUBLIC, ...LAN, ...LINK, ...HOST, ...MAPPED, ...IPV6, ...LAN_UDP, 'udp:169.254.169.254:7']
  expect(reached(host).sort()).toEqual(everything.sort())
  for (const answers of [none.answers, none.byBridge]) expect(reached(answers)).toEqual([])
  for (const answers of [open.answers, open.byBridge]) {
    expect(reached(answers).sort()).toEqual([...PUBLIC].sort())
  }
  for (const answers of [lan.answers, lan.byBridge]) {
    expect(reached(answers).sort()).toEqual([...PUBLIC, ...LAN, ...HOST, ...MAPPED, ...LAN_UDP].sort())
  }
  // By a name server at a private address, and by one at 127.0.0.53.
  expect(names).toEqual(['192.0.2.8', '192.0.2.8', '192.0.2.7', '192.0.2.7'])
  // It is refused, not dropped: forbidden packets get an answer at once, up to the kernel's rate limit.
  expect(Object.values(open.answers)).toContain('EHOSTUNREACH')
  const ways = () => processesNaming('slirp4netns').filter((commandLine) => commandLine.includes('--mtu=1400'))
  expect(ways()).toHaveLength(2)
  expect(leftovers(folder.path)).not.toEqual([])
  owner.kill('SIGKILL')
  await once(owner, 'close')
  expect(await leftoversAfter(folder.path)).toEqual([])
  expect(ways()).toEqual([])
})
