import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { failingRun } from '../support/failing-run.ts'
import { leftovers, leftoversAfter } from '../support/leftovers.ts'

// Several guests, in threads: keep.slow.test.ts.
test("keep: 'on-failure': the guest outlives the run, a command shows what the test left", async () => {
  const { folder, ask, end } = await failingRun('keep.suite', 'forks')
  expect(leftovers(folder)).not.toEqual([])
  // As if somebody came back to it.
  await sleep(1000)
  expect(await ask('cat /root/trace')).toBe('found')
  end()
  expect(await leftoversAfter(folder)).toEqual([])
})
