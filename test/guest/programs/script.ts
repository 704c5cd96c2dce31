// A plain script, as a user would write it: no test runner.
import { bootGuest } from 'vitest-guest/core'

await using guest = await bootGuest()
console.log((await guest.$`hostname`).stdout)
