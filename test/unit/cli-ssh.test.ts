import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { renderGuests } from '../../src/cli/ssh.ts'
import { writeRecord } from '../../src/guest/registry/guest-record.ts'
import { runningGuests } from '../../src/guest/registry/running-guests.ts'
import { makeCredentials } from '../../src/seed/credentials.ts'
import { stateFolder } from './support/state-folder.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const FACTS = {
  hostname: 'web',
  address: '192.168.100.224',
  image: 'debian-12',
  credentials: makeCredentials('secret'),
}

test('guests of all networks are found while their keeper answers, until they are disposed of', async () => {
  const parent = temporaryFolder()
  const one = await stateFolder(parent)
  const first = writeRecord({ ...FACTS, network: one })
  const second = writeRecord({ ...FACTS, hostname: 'db', network: one })
  writeRecord({ ...FACTS, network: await stateFolder(parent, false) })
  await stateFolder(parent)
  const found = await runningGuests(parent)
  expect(found.map(({ id }) => id).sort()).toEqual([first.id, second.id].sort())
  expect(found.find(({ id }) => id === first.id)).toMatchObject({
    hostname: 'web',
    pid: process.pid,
    socketPath: one.socketPath,
    sshConfig: first.sshConfig,
    hostPublicKey: FACTS.credentials.hostPublicKey,
  })
  first[Symbol.dispose]()
  expect((await runningGuests(parent)).map(({ id }) => id)).toEqual([second.id])
})

test('a record can only be read by this user, and does not contain the password', async () => {
  const network = await stateFolder(temporaryFolder(), false)
  const { id } = writeRecord({ ...FACTS, network })
  const folder = join(network.stateFolder, 'guests', id)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  const names = readdirSync(folder)
  expect(names).toHaveLength(4)
  for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
  expect(id).toMatch(/^[b-df-hj-np-tv-z]{6}$/)
})

test('the list is a table, or a sentence if there is nothing', () => {
  const record = { id: 'bcdfgh', hostname: 'web', address: '10.0.0.2', image: 'debian-12', pid: 7, startedAt: 1000 }
  const rest = { hostPublicKey: '', socketPath: '', keyFile: '', sshConfig: '' }
  expect(renderGuests([{ ...record, ...rest }], 63_000)).toBe(
    'ID      HOSTNAME  ADDRESS   IMAGE      AGE    OF\nbcdfgh  web       10.0.0.2  debian-12  1 min  process 7\n',
  )
  expect(renderGuests([], 0)).toBe('No guests are running.\n')
})
