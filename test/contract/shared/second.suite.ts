import { expect, test } from 'vitest-guest'

test('second: without isolation the files of a worker share one guest', async ({ guest }) => {
  const { stdout: files } = await guest.exec('touch /run/second && ls /run/first /run/second', { reject: false })
  process.stderr.write(`second saw ${files.split('\n').length} marker(s)\n`)
  expect(files).toContain('/run/second')
})
