// A worker that opens networks and disposes of them, one after the other, as many as its argument says, once its input says so. The
// answer is a line of JSON: the milliseconds that each took to be ready for a guest, its TAP included.
import { once } from 'node:events'
import { openNetwork } from 'vitest-guest/core'

async function open() {
  const startedAt = performance.now()
  await using network = await openNetwork({ kind: 'private' })
  await using _ = await network.attach({ hostname: 'guest', address: '192.168.100.224' })
  return performance.now() - startedAt
}

await open()
console.log('ready')
await once(process.stdin, 'data')
const times = []
for (let count = Number(process.argv[2]); count > 0; count--) times.push(await open())
console.log(JSON.stringify(times))
