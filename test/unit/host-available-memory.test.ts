import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { availableMemoryMib } from '../../src/host/available-memory.ts'

const MIB = 1024 * 1024
let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vg-memory-'))
  await put({ 'proc/meminfo': 'MemTotal: 8192000 kB\nMemAvailable:    4096000 kB\n' })
})
afterEach(() => rm(root, { recursive: true }))

async function put(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

test("without a control group it is the kernel's estimate", () => {
  expect(availableMemoryMib(root)).toBe(4000)
})

test('the tightest limit of our control groups counts, minus their use without reclaimable pages', async () => {
  await put({
    'proc/self/cgroup': '0::/outer/inner\n',
    'sys/fs/cgroup/outer/memory.max': `${1000 * MIB}\n`,
    'sys/fs/cgroup/outer/memory.current': `${700 * MIB}\n`,
    'sys/fs/cgroup/outer/memory.stat': `anon 1\ninactive_file ${50 * MIB}\n`,
    'sys/fs/cgroup/outer/inner/memory.max': 'max\n',
  })
  expect(availableMemoryMib(root)).toBe(350)
})

test('this host has some', () => {
  expect(availableMemoryMib()).toBeGreaterThan(100)
})
