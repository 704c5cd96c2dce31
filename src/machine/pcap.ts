/** https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
const FILE_HEADER = 24
const RECORD_HEADER = 16
const CAPTURED = 8
const ORIGINAL = 12
/** Bytes of a virtio-net header, if there is one: none, the old kind, the one of VIRTIO 1. */
const HEADERS = [0, 10, 12] as const

/**
 * Packets as they are on the wire. QEMU before 8.0 writes them with the header that it and the guest's virtio-net put before
 * each, and no reader of pcap files expects it there. How long it is shows in the first packet with the card's address.
 */
export function withoutVirtioHeaders(pcap: Buffer, macAddress: string): Buffer {
  const mac = Buffer.from(macAddress.replaceAll(':', ''), 'hex')
  const packets = [...records(pcap)]
  const header = HEADERS.find((length) => packets.some(({ data }) => isOf(data.subarray(length), mac))) ?? 0
  if (header === 0) return pcap
  const parts = packets.flatMap(({ head, data }) => {
    const shorter = Buffer.from(head)
    for (const field of [CAPTURED, ORIGINAL]) shorter.writeUInt32LE(head.readUInt32LE(field) - header, field)
    return [shorter, data.subarray(header)]
  })
  return Buffer.concat([pcap.subarray(0, FILE_HEADER), ...parts])
}

/** Whether an Ethernet frame is to or from this address. */
function isOf(frame: Buffer, mac: Buffer): boolean {
  return frame.subarray(0, 6).equals(mac) || frame.subarray(6, 12).equals(mac)
}

/** Every whole record; a last one that is cut off is none. */
function* records(pcap: Buffer): Generator<{ head: Buffer; data: Buffer }> {
  for (let at = FILE_HEADER; at + RECORD_HEADER <= pcap.length;) {
    const head = pcap.subarray(at, at + RECORD_HEADER)
    const data = pcap.subarray(at + RECORD_HEADER, at + RECORD_HEADER + head.readUInt32LE(CAPTURED))
    at += RECORD_HEADER + head.readUInt32LE(CAPTURED)
    if (at <= pcap.length) yield { head, data }
  }
}
