import { test } from 'vitest-guest'

test('QEMU ends', async ({ guest }) => {
  await guest.exec('echo last words > /dev/ttyS0')
  await guest.qmp('quit').catch(() => {})
  await guest.$`true`
})
