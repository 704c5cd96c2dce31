import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { chart } from '../../bench/chart.ts'
import { complaints } from '../../bench/complaints.ts'
import type { Use } from '../../bench/endurance.ts'
import { table, type Results } from '../../bench/report.ts'

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
const results = JSON.parse(read('bench.json')) as Results
const USE: Use = { clones: 10, descriptors: 23, heapMib: 19, rssMib: 110, cacheMib: 230, children: 0 }

test('each part of docs/bench.json says when it was measured, and the table shows it', () => {
  const { accel: _, cpus: __, qemu: ___, ...parts } = results
  const shown = table(results)
  for (const [name, { measuredAt }] of Object.entries(parts)) {
    expect(new Date(measuredAt).toISOString(), name).toBe(measuredAt)
    expect(shown).toContain(`; ${measuredAt.slice(0, 10)}`)
  }
  expect(shown).not.toMatch(/NaN|undefined/)
})

test('a part with a known commit shows it', () => {
  const endurance = { measuredAt: '2026-11-26T02:16:05.582Z', commit: '690373f', clones: 10, failed: 0, uses: [USE] }
  expect(table({ accel: 'tcg', cpus: 2, qemu: '', endurance })).toMatch(/^10 clones .*; 2026-11-26, at 690373f$/m)
})

test('docs/bench.svg is drawn from docs/bench.json', () => {
  expect(chart(results)).toBe(read('bench.svg'))
})

test('endurance reports failures and growth, but not steady memory and an unchanged cache', () => {
  const of = (last: Partial<Use>, failed = 0) =>
    complaints({ clones: 200, failed, uses: [USE, { ...USE, clones: 200, ...last }] })
  expect(of({ rssMib: 134, heapMib: 20, cacheMib: 230.1 })).toEqual([])
  expect(of({ descriptors: 24, children: 1, cacheMib: 231 }, 2)).toEqual([
    '2 of 200 clones failed',
    'file descriptors grew from 23 to 24 between clone 10 and 200',
    'child processes grew from 0 to 1 between clone 10 and 200',
    'MiB of cache grew from 230 to 231 between clone 10 and 200',
  ])
  expect(complaints({ clones: 0, failed: 0, uses: [] })).toEqual([])
})
