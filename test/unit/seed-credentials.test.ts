import ssh2 from 'ssh2'
import { expect, test } from 'vitest'
import { makeCredentials } from '../../src/seed/credentials.ts'

test('are different each time', () => {
  const [one, other] = [makeCredentials(), makeCredentials()]
  for (const name of ['rootPassword', 'clientKey', 'hostKey'] as const) expect(one[name]).not.toBe(other[name])
  expect(one.rootPassword).toMatch(/^[\w-]{32}$/)
  expect(one.clientPublicKey).not.toBe(one.hostPublicKey)
})

test('have the password that was asked for', () => {
  expect(makeCredentials("it's").rootPassword).toBe("it's")
})

test('always have whole keys, which ssh2 makes one short of in 256', () => {
  for (let count = 0; count < 400; count++) {
    const { clientKey, clientPublicKey, hostPublicKey } = makeCredentials('')
    for (const publicKey of [clientPublicKey, hostPublicKey]) {
      const [type, blob = ''] = publicKey.split(' ')
      expect(type).toBe('ssh-ed25519')
      expect(Buffer.from(blob, 'base64')).toHaveLength(51)
    }
    const parsed = ssh2.utils.parseKey(clientKey)
    expect(parsed instanceof Error ? parsed : `ssh-ed25519 ${parsed.getPublicSSH().toString('base64')}`).toBe(
      clientPublicKey,
    )
  }
})
