import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { nameOf } from '../../src/host/program/process-name.ts'
import {
  bootId,
  type HostRecord,
  listRecords,
  ownNamespaces,
  readRecord,
  recordPath,
  removeRecord,
  writeRecord,
} from '../../src/network/host/host-record.ts'

function record(more: Partial<HostRecord> = {}): HostRecord {
  const id = randomBytes(3).toString('hex')
  onTestFinished(() => rmSync(dirname(recordPath(id)), { recursive: true, force: true }))
  return {
    id,
    holder: nameOf(process.pid),
    owner: process.pid,
    boot: bootId(),
    namespaces: ownNamespaces(),
    bridge: `vg${id}br`,
    subnet: '192.168.100.0/24',
    own: ['192.168.100.50/24'],
    ...more,
  }
}

async function isListed({ id }: HostRecord): Promise<boolean[]> {
  return (await listRecords()).filter((each) => each.record.id === id).map(({ isOwn }) => isOwn)
}

test('a record is in a folder that others may read but not write to, and is removed with it', async () => {
  const one = record()
  const path = recordPath(one.id)
  const umask = process.umask(0o077)
  try {
    await writeRecord(one)
  } finally {
    process.umask(umask)
  }
  expect([statSync(dirname(path)), statSync(path)].map(({ mode }) => mode & 0o7777)).toEqual([0o755, 0o644])
  expect(await readRecord(path)).toEqual(one)
  expect(await isListed(one)).toEqual([true])
  await removeRecord(path)
  expect(existsSync(dirname(path))).toBe(false)
})

test.for([
  ['that others may write to', (path: string) => chmodSync(path, 0o666)],
  ['in a folder that others may write to', (path: string) => chmodSync(dirname(path), 0o1777)],
  [
    'that is a symlink',
    (path: string) => {
      rmSync(path)
      symlinkSync('/etc/hostname', path)
    },
  ],
] as const)('a record %s is none', async ([, spoil]) => {
  const one = record()
  await writeRecord(one)
  spoil(recordPath(one.id))
  expect(await readRecord(recordPath(one.id))).toBeUndefined()
  expect(await isListed(one)).toEqual([])
})

test.runIf(process.getuid?.() === 0)('another user’s record is read, and is not this user’s', async () => {
  const one = record()
  await writeRecord(one)
  const path = recordPath(one.id)
  chownSync(dirname(path), 65_534, 65_534)
  // A file of root's that another user has moved there.
  expect(await isListed(one)).toEqual([])
  chownSync(path, 65_534, 65_534)
  expect(await isListed(one)).toEqual([false])
})

test.for([
  { subnet: 'everything' },
  { subnet: '10.0.0.0/64' },
  { subnet6: '10.0.0.0' },
  { subnet: 'fe80::%a.b/64' },
  { bridge: 'br0 up\nlink delete dev eth0' },
  { own: ['10.0.0.1/24 dev eth0'] },
  { adopted: { isUp: true, mtu: 1500, addresses: [{ local: '10.0.0.1', prefixlen: 24, scope: 'global dev eth0' }] } },
  { holder: { pid: -1, startTime: 0 } },
  { owner: '1' as unknown as number },
])('a record that says %s is invalid', async (nonsense) => {
  const one = record(nonsense)
  await writeRecord(one)
  expect(await readRecord(recordPath(one.id))).toBeUndefined()
})

test('leftovers of a killed writer are removed when they are found', async () => {
  const one = record()
  const path = recordPath(one.id)
  mkdirSync(dirname(path))
  const removed: string[] = []
  await listRecords((broken) => {
    if (broken === path) removed.push(broken)
    return removeRecord(broken === path ? broken : '/nowhere/at/all')
  })
  expect(removed).toEqual([path])
  expect(existsSync(dirname(path))).toBe(false)
  mkdirSync(dirname(path))
  writeFileSync(path, '{"id":')
  await removeRecord(path)
  expect(existsSync(dirname(path))).toBe(false)
})
