import { expect, test } from 'vitest'
import { bootGuest, type Guest } from '../../src/index.ts'

/** Milliseconds; of a second that a guest may be late, with what asking costs on a busy machine. */
const TOLERANCE = 800
/** RTC_SET_TIME of linux/rtc.h. */
const SET_RTC = `
import fcntl, struct, time
t = time.gmtime(time.time() + 3600)
rtc = open('/dev/rtc0')
fcntl.ioctl(rtc, 0x4024700a, struct.pack('9i', t.tm_sec, t.tm_min, t.tm_hour, t.tm_mday, t.tm_mon - 1, t.tm_year - 1900, 0, 0, 0))`

async function clockError(guest: Guest): Promise<number> {
  const before = Date.now()
  const guests = Number((await guest.exec('date +%s.%N')).stdout) * 1000
  // The guest looked at its clock in between.
  return Math.max(before - guests, guests - Date.now(), 0)
}

test('a clone that crashes as soon as it is there boots again, with its keys and the time of now', async () => {
  await using guest = await bootGuest()
  expect(guest.started).toBe('warm')
  await guest.exec(`python3 -c "${SET_RTC}"`)
  await guest.crash()
  await guest.start()
  expect((await guest.exec('stat -c %s /etc/ssh/ssh_host_ed25519_key /root/.ssh/authorized_keys')).stdout).not.toMatch(
    /^0$/m,
  )
  // By its RTC it would be an hour late.
  expect(await clockError(guest)).toBeLessThan(TOLERANCE)
})

test('so does a guest that was booted, with its kernel parameters', async () => {
  const kernelParameters = ['mitigations=auto', 'vitest.words="two words"']
  await using guest = await bootGuest({ start: 'cold', kernelParameters })
  expect(guest.phases.map(({ name }) => name)).toContain('clock')
  expect(await clockError(guest)).toBeLessThan(TOLERANCE)
  await guest.crash()
  await guest.start()
  expect((await guest.exec('cat /proc/cmdline')).stdout).toMatch(/ mitigations=auto vitest\.words="two words"$/)
})
