import { expect, test } from 'vitest'
import { unprivileged } from '../../src/host/rights/qemu-user.ts'

const ALL = 'CapEff:\t000001ffffffffff\n'
const HOST = '         0          0 4294967295\n'
const NOBODYS = 2_000_018_000

test.for([
  ['on a host, a number that nobody gives out', HOST, ALL, { uid: NOBODYS, gid: NOBODYS }],
  ['in a container with fewer, the last of them', '0 1000 1\n1 100000 65536\n', ALL, { uid: 65_536, gid: 65_536 }],
  ['nobody where there is only root', '0 1000 1\n', ALL, undefined],
  ['nobody where root may not become another', HOST, 'CapEff:\t00000000a80425fb\n', undefined],
] as const)("root's QEMU runs as: %s", ([, map, status, user]) => {
  expect(unprivileged(map, map, status)).toEqual(user)
})
