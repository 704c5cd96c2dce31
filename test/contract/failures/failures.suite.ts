import { describe, expect, test } from 'vitest-guest'

// Each fails in its own way, apart from the first and the last but one.
test('passes', async ({ guest }) => {
  await guest.$`true`
})

describe('in a suite', () => {
  test('a command fails', async ({ guest }) => {
    await guest.$`echo fine`
    await guest.exec(
      'printf "[Service]\\nExecStart=/bin/false\\n" > /etc/systemd/system/broken.service; systemctl start broken',
    )
    await guest.exec('sleep 0.5; logger -p user.warning "the disk is nearly full"; echo told >&2; exit 3')
  })
})

test('a matcher fails', async ({ guest }) => {
  expect((await guest.$`hostname`).stdout).toBe('another')
})

test('takes too long', { timeout: 2000 }, async ({ guest }) => {
  await guest.$`sleep 60`
})

test('a program crashes', async ({ guest }) => {
  await guest.exec(`python3 -c 'import ctypes; ctypes.string_at(0)'`, { reject: false })
})

test('a program aborts', async ({ guest }) => {
  await guest.exec(`python3 -c 'import os; os.abort()'`, { reject: false })
})

test('succeeds when it is tried again', { retry: 1 }, async ({ guest, task }) => {
  await guest.exec(task.result?.retryCount ? 'true' : 'exit 4')
})

test('the kernel panics', async ({ guest }) => {
  await guest.exec('logger told to the disk; journalctl --sync; echo c > /proc/sysrq-trigger')
})
