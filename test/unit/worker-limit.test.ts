import { expect, test } from 'vitest'
import { shareWorkers, type Scheduled, workerLimit } from '../../fixtures/setup/worker-limit.ts'

const plenty = { availableMib: 100_000, cores: 8 }
const guest = { memoryMib: 512, cpus: 2 }

test.for([
  ['with KVM, a core for each virtual one', guest, { ...plenty, accel: 'kvm' }, 4, 'processor'],
  ['emulated, a core for each guest', guest, { ...plenty, accel: 'tcg' }, 8, 'processor'],
  ['four fifths of the free memory', guest, { ...plenty, availableMib: 2000, accel: 'tcg' }, 3, 'memory'],
  ['one at least, if memory lacks', guest, { ...plenty, availableMib: 300, accel: 'kvm' }, 1, 'memory'],
  ['one at least, if cores lack', { ...guest, cpus: 16 }, { ...plenty, accel: 'kvm' }, 1, 'processor'],
] as const)('workers: %s', ([, load, room, workers, by]) => {
  expect(workerLimit(load, room)).toEqual({ workers, by })
})

const usual: Scheduled = { maxWorkers: 7, groupOrder: 0, isolate: true }

test('a single project is lowered, never raised', () => {
  expect(shareWorkers(usual, [], 3)).toEqual({ maxWorkers: 3, groupOrder: 0 })
  expect(shareWorkers({ ...usual, maxWorkers: 2 }, [], 3)).toEqual({ maxWorkers: 2, groupOrder: 0 })
})

test('projects with the same number stay together', () => {
  expect(shareWorkers({ ...usual, maxWorkers: 2 }, [{ ...usual, maxWorkers: 2 }], 3).groupOrder).toBe(0)
})

test('a project that would differ moves behind all the others', () => {
  const others = [usual, { ...usual, groupOrder: 4 }]
  expect(shareWorkers(usual, others, 3)).toEqual({ maxWorkers: 3, groupOrder: 5 })
})

test('a project whose files vitest runs one by one stays, and does not count for others', () => {
  expect(shareWorkers(usual, [usual], 1)).toEqual({ maxWorkers: 1, groupOrder: 0 })
  expect(shareWorkers(usual, [{ ...usual, maxWorkers: 1 }], 3)).toEqual({ maxWorkers: 3, groupOrder: 0 })
  expect(shareWorkers({ ...usual, isolate: false }, [usual], 1)).toEqual({ maxWorkers: 1, groupOrder: 1 })
})

test('in a group that the user formed, all get the smallest number', () => {
  const mine = { ...usual, groupOrder: 2 }
  expect(shareWorkers(mine, [mine], 3)).toEqual({ maxWorkers: 3, groupOrder: 2, neighbours: 3 })
  expect(shareWorkers(mine, [{ ...mine, maxWorkers: 2 }], 3)).toEqual({ maxWorkers: 2, groupOrder: 2, neighbours: 2 })
})
