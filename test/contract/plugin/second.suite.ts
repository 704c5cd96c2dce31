import { expect, test } from 'vitest-guest'

test('options without the image, the machine and its network are the same template', async ({
  guest,
  guestOptions,
}) => {
  expect(guestOptions).toMatchObject({ memory: '384M', hostname: 'left' })
  expect(guest.started).toBe('warm')
})
