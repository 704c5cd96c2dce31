import { expect, test, type Snapshot } from 'vitest-guest'

let early: Snapshot

// All but the first and the last fail, each to show something different.
test('leaves a warning', async ({ guest }) => {
  await guest.$`logger -p user.warning ${'of the first test'}`
  early = await guest.snapshot()
})

test('sets the clock back', async ({ guest }) => {
  await guest.$`date -s ${'-1 day'}`
  await guest.$`logger -p user.warning ${'of the second test'}`
  await guest.$`exit 3`
})

test('is taken back', async ({ guest }) => {
  await guest.restore(early)
  await guest.$`logger -p user.warning ${'after it was restored'}`
  await guest.$`exit 4`
})

test('waits too long', { timeout: 8000 }, async ({ guest, signal }) => {
  await guest.waitForFile('/run/never', { interval: 500, signal })
})

test('says what a terminal would obey', async ({ guest }) => {
  const attack = String.raw`printf '\033]0;title\007 attack \033[2J \302\233 \033Pq\033\\ \a\n'`
  await guest.exec(`${attack} >/dev/ttyS0; ${attack} | systemd-cat -p warning`)
  expect.soft((await guest.exec(attack)).stdout).toBe('plain')
  expect.soft(await guest.exec(`${attack} >&2; false`, { reject: false })).toSucceed()
  await guest.exec(`${attack}; ${attack} >&2; exit 5`)
})

test('has a panic that it waits for', async ({ guest }) => {
  void guest.exec('echo c > /proc/sysrq-trigger').catch(() => {})
  expect(await guest.waitForPanic()).toBe('sysrq triggered crash')
})
