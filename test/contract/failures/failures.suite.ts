import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest-guest'

test.override({ guestOptions: { consoleGuard: { allow: ['allowed['] } } })

// Each fails in its own way, except those that say that they pass.
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
  await expect(guest).toHaveFile('/etc/hostname', { contains: 'another' }, { timeout: 500 })
})

test('a matcher is not awaited', async ({ guest }) => {
  // eslint-disable-next-line @typescript-eslint/no-floating-promises
  expect(guest).toHaveFile('/nowhere')
  await guest.exec('echo goes on')
})

test('takes too long', { timeout: 500 }, async ({ guest }) => {
  await guest.$`sleep 60`
})

test('a program crashes', async ({ guest }) => {
  await guest.exec(`python3 -c 'import ctypes; ctypes.string_at(0)'`, { reject: false })
})

test('a program aborts', async ({ guest }) => {
  await guest.exec(`python3 -c 'import os; os.abort()'`, { reject: false })
})

test('passes: the program that crashes is allowed to', async ({ guest }) => {
  await guest.exec("cp /bin/sh /tmp/allowed; /tmp/allowed -c 'kill -SEGV $$'", { reject: false })
})

// An oops is not tested: the kernel of Debian's cloud image has no lkdtm, or anything else to cause one.
test('memory runs out', async ({ guest }) => {
  await guest.exec('systemd-run --quiet --wait -p MemoryMax=16M tail /dev/zero; true')
})

test('packets are captured', async ({ guest, network }) => {
  await guest.capture(join(network.stateFolder, 'captured.pcap'))
  const { file } = await guest.capture(join(network.stateFolder, 'gone.pcap'))
  await unlink(file)
  await guest.exec('exit 7')
})

test('succeeds when it is tried again', { retry: 1 }, async ({ guest, task }) => {
  await guest.exec(task.result?.retryCount ? 'true' : 'exit 4')
})

test('fails when it is tried again, too', { retry: 1 }, async ({ guest, task }) => {
  await guest.exec(task.result?.retryCount ? 'exit 6' : 'exit 5')
})

test('the kernel panics', async ({ guest }) => {
  await guest.exec('logger told to the disk')
  await guest.waitUntilSucceeds('journalctl --quiet | grep --quiet "told to the disk"')
  // `journalctl --sync` (systemd 252) returns before journald's own fsync(2) has.
  await guest.exec('sync; echo c > /proc/sysrq-trigger')
})
