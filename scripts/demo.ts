/**
 * The demo: runs the suite in examples/ in a real guest and shows what happened.
 *
 * Everything shown is from this run: the set-up file prints the guest, the reporter the tests.
 */
import { fileURLToPath } from 'node:url'
import { startVitest } from 'vitest/node'

const root = fileURLToPath(new URL('../examples', import.meta.url))

const vitest = await startVitest('test', [], {
  root,
  config: `${root}/vitest.config.ts`,
  setupFiles: [`${root}/show-guest.ts`],
  reporters: ['verbose'],
  run: true,
  watch: false,
})
await vitest.close()

if (!process.exitCode) {
  process.stdout.write(`
The guest is gone, and with it its network, disk and processes. For a shell in such a guest:

  npx vitest-guest shell
`)
}
