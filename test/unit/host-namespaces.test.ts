import { execa } from 'execa'
import { expect, test } from 'vitest'
import { explainNamespaceFailure, type NamespaceSettings } from '../../src/host/rights/namespaces.ts'
import { evaluationCommand } from './support/node.ts'

const NOTHING_SPECIAL: NamespaceSettings = {
  forbiddenLimits: [],
  restrictedByAppArmor: false,
  cloneForbidden: false,
  inContainer: false,
}

const FAILED = 'unshare: unshare failed: '

test.each<[string, string, Partial<NamespaceSettings>, string, string]>([
  [
    'limit of 0',
    `${FAILED}No space left on device`,
    { forbiddenLimits: ['user.max_user_namespaces'] },
    'user.max_user_namespaces is 0',
    'sudo sysctl -w user.max_user_namespaces=16384',
  ],
  [
    'limit reached',
    `${FAILED}No space left on device`,
    {},
    'limit',
    'sudo sysctl -w user.max_user_namespaces=16384 user.max_net_namespaces=16384',
  ],
  [
    'Ubuntu >= 23.10',
    'unshare: write failed /proc/self/uid_map: Operation not permitted',
    { restrictedByAppArmor: true, inContainer: true },
    'AppArmor',
    'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ],
  [
    'Debian <= 10',
    `${FAILED}Operation not permitted`,
    { cloneForbidden: true },
    'the kernel forbids unprivileged user namespaces',
    'sudo sysctl -w kernel.unprivileged_userns_clone=1',
  ],
  ['container', `${FAILED}Operation not permitted`, { inContainer: true }, 'container', 'seccomp=unconfined'],
  ['unknown ban', `${FAILED}Permission denied`, {}, 'the kernel forbids it', 'root'],
  ['no user namespaces', `${FAILED}Invalid argument`, {}, 'no user namespaces', 'CONFIG_USER_NS'],
  ['program', 'unshare: failed to execute /x/node: Permission denied', {}, 'cannot be started', 'readable'],
  ['old unshare', "unshare: unrecognized option '--kill-child'", {}, 'too old', '2.33'],
  ['silence', '', {}, 'No namespace can be created', 'doctor'],
])('%s', (_name, stderr, settings, message, hint) => {
  const explained = explainNamespaceFailure(stderr, { ...NOTHING_SPECIAL, ...settings })
  expect(explained.message).toContain(message)
  expect(explained.hint).toContain(hint)
})

/** The value of `expression` inside a user namespace, after `change` there. */
async function inUserNamespace(change: string, module: string, expression: string): Promise<unknown> {
  const script = `${change} && exec "$@"`
  const command = ['sh', '-c', script, 'sh', ...evaluationCommand(module, expression)]
  return JSON.parse((await execa('unshare', ['--user', '--map-root-user', ...command])).stdout)
}

test('a limit of 0 is found and named', async () => {
  const state = await inUserNamespace(
    'echo 0 > /proc/sys/user/max_net_namespaces',
    'doctor/probe-kernel.ts',
    'm.probeNamespaces()',
  )
  expect(state).toEqual([
    expect.objectContaining({
      name: 'namespaces',
      state: 'degraded',
      found: 'No namespace can be created for the network: user.max_net_namespaces is 0',
      fix: 'sudo sysctl -w user.max_net_namespaces=16384',
    }),
  ])
})

test('a user who may create network namespaces needs no user namespace', async () => {
  const question = ['host/rights/namespaces.ts', 'm.needsUserNamespace()'] as const
  expect(await inUserNamespace('true', ...question)).toBe(false)
  expect(await inUserNamespace('set -- setpriv --bounding-set=-net_admin -- "$@"', ...question)).toBe(true)
})
