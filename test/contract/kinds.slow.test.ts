import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { needsUserNamespace } from '../../src/host/rights/namespaces.ts'
import { copyDefaultTemplate } from '../support/default-template.ts'
import { networkNamespace } from '../support/network-namespace.ts'
import { ordinaryUser } from '../support/ordinary-user.ts'
import { runProject } from '../support/run-project.ts'

const TESTS = 9

async function passes(kind: string, env: NodeJS.ProcessEnv = {}, where: Parameters<typeof runProject>[3] = {}) {
  const { report, stdout, left } = await runProject(
    'kinds',
    ['--configLoader', 'runner'],
    { KIND: kind, ...env },
    where,
  )
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: TESTS })
  expect(left).toEqual([])
}

test('fixtures on a private network: files, servers, OpenSSH, captures, snapshots', () => passes('private'))

test('the same on a network of the user, where there is no /dev/net/tun', () => {
  const hide = 'mount -t tmpfs none /dev/net && exec "$@"'
  const user = needsUserNamespace() ? ['--user', '--map-root-user'] : []
  const inside = (command: readonly string[]) => ['unshare', ...user, '--mount', 'sh', '-c', hide, 'sh', ...command]
  return passes('user', {}, { inside })
})

test('on one of the host, for an ordinary user who may run ip by sudo -n', async () => {
  // A host network is only created in a test's own namespace.
  const namespace = await networkNamespace({ ofTheHost: true })
  onTestFinished(() => namespace[Symbol.asyncDispose]())
  const somebody = await ordinaryUser()
  onTestFinished(() => somebody[Symbol.asyncDispose]())
  await somebody.allowIp()
  const cache = join(somebody.home, 'cache')
  await copyDefaultTemplate(cache)
  await somebody.own(cache)
  const env = { VITEST_GUEST_CACHE: cache, HOME: somebody.home }
  const inside = (command: readonly string[]) => namespace.inside(somebody.as(command))
  await passes('host', env, { inside, own: (path) => somebody.own(path) })
  expect(await namespace.interfaces()).toEqual([])
})
