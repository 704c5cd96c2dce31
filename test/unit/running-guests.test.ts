import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { drawNetworks } from '../../src/cli/show/draw-networks.ts'
import { writeRecord } from '../../src/guest/registry/guest-record.ts'
import { runningGuests, runningNetworks } from '../../src/guest/registry/running-guests.ts'
import { nameOf } from '../../src/host/program/process-name.ts'
import { writeNetworkRecord } from '../../src/network/network-record.ts'
import { makeCredentials } from '../../src/seed/credentials.ts'
import { stateFolder } from './support/state-folder.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const GUEST = {
  hostname: 'web',
  address: '192.168.100.224',
  image: 'debian-12',
  credentials: makeCredentials('secret'),
}
const NETWORK = { kind: 'private', bridge: 'br0', gateway: '192.168.100.50', pid: 1 } as const

/** A network with a guest, like another process of this user would have. */
async function running(parent: string, name?: string) {
  const network = await stateFolder(parent, true, name)
  const { id } = writeRecord({ ...GUEST, network })
  writeNetworkRecord(network.stateFolder, { ...NETWORK, keeper: nameOf(process.pid) })
  return { folder: network.stateFolder, guest: join(network.stateFolder, 'guests', id), id }
}

async function found(parent: string): Promise<number[]> {
  return [(await runningGuests(parent)).length, (await runningNetworks(parent)).length]
}

test('a network and its guest are found if everything is as we create it', async () => {
  const parent = temporaryFolder()
  await running(parent)
  expect(await found(parent)).toEqual([1, 1])
})

test.for([
  ['a folder that has another name', (folder: string) => renameSync(folder, `${folder.slice(0, -12)}networks`)],
  ['a name with something behind it', (folder: string) => renameSync(folder, `${folder}0`)],
  ['a folder that others may enter', (folder: string) => chmodSync(folder, 0o755)],
  ['a folder that others may write to', (folder: string) => chmodSync(folder, 0o1777)],
  [
    'a symlink to a folder',
    (folder: string) => {
      renameSync(folder, join(folder, '../elsewhere'))
      symlinkSync('elsewhere', folder)
    },
  ],
  [
    'a socket that is a file',
    (folder: string) => {
      rmSync(join(folder, 'keeper.sock'))
      writeFileSync(join(folder, 'keeper.sock'), '')
    },
  ],
] as const)('nothing is found in %s', async ([, spoil]) => {
  const parent = temporaryFolder()
  const { folder } = await running(parent)
  spoil(folder)
  expect(await found(parent)).toEqual([0, 0])
})

test.for([
  ['that others may read', (file: string) => chmodSync(file, 0o644)],
  ['that others may write', (file: string) => chmodSync(file, 0o620)],
  [
    'that is a symlink',
    (file: string) => {
      renameSync(file, `${file}.real`)
      symlinkSync(`${file}.real`, file)
    },
  ],
  ['that is larger than any', (file: string) => writeFileSync(file, ' '.repeat(100_000))],
  ['that is no JSON', (file: string) => writeFileSync(file, '{')],
  ['that holds something else', (file: string) => writeFileSync(file, 'null')],
] as const)('a record %s is none', async ([, spoil]) => {
  const parent = temporaryFolder()
  const { folder, guest } = await running(parent)
  spoil(join(folder, 'network.json'))
  expect(await found(parent)).toEqual([1, 0])
  spoil(join(guest, 'guest.json'))
  expect(await found(parent)).toEqual([0, 0])
})

test('a guest is ignored if others may read its key or its folder', async () => {
  const parent = temporaryFolder()
  const { guest } = await running(parent)
  chmodSync(join(guest, 'client_key'), 0o640)
  expect(await found(parent)).toEqual([0, 1])
  chmodSync(join(guest, 'client_key'), 0o600)
  chmodSync(guest, 0o711)
  expect(await found(parent)).toEqual([0, 1])
})

test.runIf(process.getuid?.() === 0)('what is another user’s is not root’s', async () => {
  const parent = temporaryFolder()
  const { folder } = await running(parent)
  chownSync(join(folder, 'network.json'), 65_534, 65_534)
  expect(await found(parent)).toEqual([1, 0])
  chownSync(folder, 65_534, 65_534)
  expect(await found(parent)).toEqual([0, 0])
})

// Otherwise root would run what another user had put there.
test('no command line is taken from a file', async () => {
  const parent = temporaryFolder()
  vi.stubEnv('TMPDIR', parent)
  const marker = join(parent, 'marker')
  const record = JSON.stringify({ ...NETWORK, keeper: nameOf(process.pid), inside: ['touch', marker, '--'] })
  const write = (folder: string) => writeFileSync(join(folder, 'network.json'), record, { mode: 0o600 })
  write((await stateFolder(parent)).stateFolder)
  const shared = await stateFolder(parent, true, 'vitest-guest-networks')
  chmodSync(shared.stateFolder, 0o1777)
  write(shared.stateFolder)
  try {
    expect(await drawNetworks()).toContain('A private network of process 1')
    expect(existsSync(marker)).toBe(false)
  } finally {
    vi.unstubAllEnvs()
  }
})

test('a record of a keeper that is gone, or has another id, is ignored', async () => {
  const parent = temporaryFolder()
  vi.stubEnv('TMPDIR', parent)
  const { stateFolder: folder } = await stateFolder(parent)
  writeNetworkRecord(folder, { ...NETWORK, keeper: { pid: process.pid, startTime: 1 } })
  try {
    expect(await drawNetworks()).toMatch(/cannot be inspected: Its keeper, process \d+, is gone/)
  } finally {
    vi.unstubAllEnvs()
  }
})

test('no guest is recorded for a network that is gone', async () => {
  const network = await stateFolder(temporaryFolder(), false)
  rmSync(network.stateFolder, { recursive: true })
  expect(() => writeRecord({ ...GUEST, network })).toThrow(/ENOENT/)
  expect(existsSync(network.stateFolder)).toBe(false)
  mkdirSync(network.stateFolder, { mode: 0o700 })
  expect(writeRecord({ ...GUEST, network }).id).toHaveLength(6)
})
