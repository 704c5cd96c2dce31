import { test } from 'vitest-guest'

const OPTIONS = {
  cold: { start: 'cold' },
  dhcp: { start: 'cold', addressing: 'dhcp' },
  warm: { start: 'warm' },
  standby: { fresh: 'test' },
} as const

test.override({ guestOptions: OPTIONS[process.env['GUEST_START'] as keyof typeof OPTIONS] })

// The guest of the chaos tests, which start this suite and kill it.
test('goes on until it is killed', async ({ guest }) => {
  process.stderr.write(`ready ${guest.address}\n`)
  await new Promise(() => setInterval(() => {}, 1000))
})

test('would have the standby', ({ guest }) => void guest)
