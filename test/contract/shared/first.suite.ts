import { expect, test } from 'vitest-guest'

test('first: without isolation the files of a worker share one guest', async ({ guest }) => {
  const { stdout: files } = await guest.exec('touch /run/first && ls /run/first /run/second', { reject: false })
  process.stderr.write(`first saw ${files.split('\n').length} marker(s)\n`)
  expect(files).toContain('/run/first')
})
