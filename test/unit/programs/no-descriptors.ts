/**
 * Uses up this process's file descriptors, tries what needs some, and prints each result as a line of JSON. Argument: a
 * folder.
 */
import { openSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { GuestError } from '../../../src/errors.ts'
import { forward } from '../../../src/guest/connection/forward.ts'
import { takeLock } from '../../../src/host/program/lock.ts'
import { run } from '../../../src/host/program/run.ts'
import { packTar } from '../../../src/host/files/tar.ts'
import { hold, spawnKeeper } from '../../../src/network/keeper/keeper-process.ts'

const [folder = ''] = process.argv.slice(2)
const acts: Record<string, () => unknown> = {
  run: () => run('true', []),
  lock: () => takeLock(join(folder, 'lock'), 'trying', () => {}),
  pack: () => packTar(folder).done,
  keeper: () => spawnKeeper(['sleep', '0'], join(folder, 'state')),
  hold: () => hold(process.stdout, 0),
  forward: () => forward(() => Promise.resolve(connect(1))),
}
// Modules that are loaded when they are needed.
await run('true', [])
try {
  for (;;) openSync('/dev/null', 'r')
} catch {
  // None are left.
}
const outcomes: Record<string, string> = {}
for (const [name, act] of Object.entries(acts)) {
  try {
    await act()
    outcomes[name] = 'done'
  } catch (error) {
    outcomes[name] = error instanceof GuestError ? error.message : `not ours: ${String(error)}`
  }
}
// Events are emitted later.
setTimeout(() => console.log(JSON.stringify(outcomes)), 100)
