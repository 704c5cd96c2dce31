import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { failingRun } from '../support/failing-run.ts'
import { leftovers, leftoversAfter } from '../support/leftovers.ts'

test("threads, several guests, fresh: 'test': those of the test that failed are kept, all of them, and no others", async () => {
  const { folder, ask, end } = await failingRun('several.suite', 'threads')
  expect(readdirSync(folder).filter((name) => name.startsWith('vitest-guest-'))).toHaveLength(1)
  await sleep(1000)
  expect(await ask('cat /root/trace; ping -c 1 -W 5 web')).toMatch(/^found\n[^]* 1 received/)
  end()
  expect(await leftoversAfter(folder)).toEqual([])
})

test("keep: 'on-failure': the guest outlives the run, a command shows what the test left", async () => {
  const { folder, ask, end } = await failingRun('keep.suite', 'forks')
  expect(leftovers(folder)).not.toEqual([])
  // As when a user comes back to it.
  await sleep(1000)
  expect(await ask('cat /root/trace')).toBe('found')
  end()
  expect(await leftoversAfter(folder)).toEqual([])
})
