import { expect, test } from 'vitest'
import { withoutVirtioHeaders } from '../../src/machine/capture.ts'

const MAC = '52:54:00:aa:bb:cc'
const BROADCAST = `ffffffffffff${'525400000001'}0806`
const TO_GUEST = `525400aabbcc${'525400000001'}0800`
const FROM_GUEST = `525400000001${'525400aabbcc'}0800`

function pcap(...packets: string[]): Buffer {
  const records = packets.flatMap((hex, index) => {
    const data = Buffer.from(hex, 'hex')
    const head = Buffer.alloc(16)
    head.writeUInt32LE(1_700_000_000 + index, 0)
    head.writeUInt32LE(data.length, 8)
    // The packet was longer than the part that was kept.
    head.writeUInt32LE(data.length + 100, 12)
    return [head, data]
  })
  return Buffer.concat([Buffer.alloc(24, 'h'), ...records])
}

test.for([10, 12])('a header of %i bytes is removed from each packet, whatever its destination', (length) => {
  const header = '01'.repeat(length)
  const written = pcap(header + BROADCAST, header + TO_GUEST, header + FROM_GUEST)
  const expected = pcap(BROADCAST, TO_GUEST, FROM_GUEST)
  expect(withoutVirtioHeaders(written, MAC).equals(expected)).toBe(true)
})

test('packets without one stay unchanged, as does a file without packets', () => {
  for (const file of [pcap(BROADCAST, FROM_GUEST), pcap(BROADCAST), pcap(), Buffer.alloc(0)]) {
    expect(withoutVirtioHeaders(file, MAC).equals(file)).toBe(true)
  }
})

test('a truncated record is left out', () => {
  const header = '00'.repeat(12)
  const file = pcap(header + FROM_GUEST, header + TO_GUEST)
  expect(withoutVirtioHeaders(file.subarray(0, -3), MAC).equals(pcap(FROM_GUEST))).toBe(true)
})
