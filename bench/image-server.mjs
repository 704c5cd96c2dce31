// A web server of one image of as many bytes as its path says (`/1000000`), which it makes up as it goes: reading it from a disk would be
// measured too. Prints its port; its input's end ends it.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'

const BLOCK = Buffer.alloc(1024 * 1024)
for (let at = 0; at < BLOCK.length; at++) BLOCK[at] = (at * 2654435761) >>> 24
// A boot sector without partitions, so that it is a disk.
BLOCK.fill(0, 446, 510)
BLOCK.writeUInt16LE(0xaa55, 510)

/** @param {number} bytes */
function* content(bytes) {
  for (let left = bytes; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, Math.min(left, BLOCK.length))
}

const server = createServer((request, response) => {
  const [, digest, bytes] = /^\/(sha256\/)?(\d+)$/.exec(request.url ?? '') ?? []
  if (digest) {
    const hash = createHash('sha256')
    for (const block of content(Number(bytes))) hash.update(block)
    response.end(hash.digest('hex'))
  } else {
    response.writeHead(200, { 'content-length': Number(bytes) })
    Readable.from(content(Number(bytes)), { objectMode: false }).pipe(response)
  }
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' && address?.port)
})
process.stdin.resume().on('end', () => process.exit())
