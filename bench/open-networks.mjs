// A worker that opens networks. A line on its input is what to do, and a line of JSON on its output answers: the milliseconds that
// each network took to be ready for a guest, its TAP included. `N`: N networks, one after the other. `keep`: one that stays until the
// input ends.
import { createInterface } from 'node:readline'
import { openNetwork } from 'vitest-guest/core'

/** @param {AsyncDisposableStack} stack */
async function open(stack) {
  const startedAt = performance.now()
  const network = stack.use(await openNetwork({ kind: 'private' }))
  stack.use(await network.attach({ hostname: 'guest', address: '192.168.100.224' }))
  return performance.now() - startedAt
}

/** @param {number} count */
async function openAndDispose(count) {
  const times = []
  for (; count > 0; count--) {
    await using stack = new AsyncDisposableStack()
    times.push(await open(stack))
  }
  return times
}

await openAndDispose(1)
console.log('[]')
await using kept = new AsyncDisposableStack()
for await (const line of createInterface(process.stdin)) {
  console.log(JSON.stringify(line === 'keep' ? [await open(kept)] : await openAndDispose(Number(line))))
}
