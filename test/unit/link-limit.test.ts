import { expect, test } from 'vitest'
import { netemWords, resolveLinkLimit, tbfWords, type LinkLimit } from '../../src/options/network/link-limit.ts'

test.for([
  [{ latency: 100 }, 'netem delay 100ms'],
  [{ latency: 100, jitter: 20 }, 'netem delay 100ms 20ms'],
  [{ loss: 0.5 }, 'netem loss 0.5%'],
  [{ latency: 1, loss: 50, rate: '1.5mbit' }, 'netem delay 1ms loss 50% rate 1500000bit'],
] as const)('%o is %s', ([limit, words]) => {
  expect(netemWords(resolveLinkLimit(limit)).join(' ')).toBe(words)
})

test('a rate alone gets a bucket of 10 ms, or of a few packets', () => {
  const words = (rate: string) => tbfWords(resolveLinkLimit({ rate }).rate as number).join(' ')
  expect(words('64kbit')).toBe('tbf rate 64000bit burst 16000 latency 50ms')
  expect(words('1gbit')).toBe('tbf rate 1000000000bit burst 1250000 latency 50ms')
})

test.for([
  [{ rate: '10' }, /^Option `rate` must be a bit rate with its unit, at least '8kbit'; got '10'\n/],
  [{ rate: '1kbit' }, /^Option `rate`/],
  [{ rate: '10 MB/s' }, /^Option `rate`/],
  [{ latency: -1 }, /^Option `latency` must be a number from 0 to 60000 \(milliseconds\); got -1/],
  [{ latency: Number.NaN }, /^Option `latency`/],
  [{ jitter: 5 }, /^Option `jitter` must be no more than latency \(0\); got 5/],
  [{ loss: 51 }, /^Option `loss` must be a number from 0 to 50 \(percent\); got 51/],
  [{ delay: 5 }, /^Unknown option `delay`[^]*rate, latency, jitter, loss/],
  [null, /^Option `limit` must be an object; got null/],
] as [LinkLimit, RegExp][])('%o is refused', ([limit, message]) => {
  expect(() => resolveLinkLimit(limit)).toThrow(message)
})
