import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { needsUserNamespace } from '../../src/host/namespaces.ts'
import { leftovers, leftoversAfter, ownTemporaryFolder, processesNaming } from '../support/leftovers.ts'

const PROGRAM = fileURLToPath(new URL('programs/way-out.ts', import.meta.url))

test('only a network with egress has a way out, which ends with it', async () => {
  await using folder = await ownTemporaryFolder()
  // Nothing of this is in the namespace of the tests.
  const user = needsUserNamespace() ? ['--user', '--map-root-user'] : []
  const owner = spawn('unshare', [...user, '--net', '--', process.execPath, PROGRAM], {
    env: { ...process.env, TMPDIR: folder.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(owner.stdout), 'line')) as [string]
  const noWay = expect.stringMatching(/Couldn't connect|timed out/) as string
  expect(JSON.parse(line)).toEqual({
    without: { before: noWay, after: noWay, host: noWay },
    with: { before: noWay, after: 'the outside', host: noWay },
  })
  const ways = () => processesNaming('slirp4netns').filter((commandLine) => commandLine.includes('--mtu=1400'))
  expect(ways()).toHaveLength(1)
  expect(leftovers(folder.path)).not.toEqual([])
  owner.kill('SIGKILL')
  await once(owner, 'close')
  expect(await leftoversAfter(folder.path)).toEqual([])
  expect(ways()).toEqual([])
})
