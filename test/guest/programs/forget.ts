// Uses a guest and forgets to dispose of it.
import { bootGuest } from '../../../src/index.ts'

const guest = await bootGuest()
console.log((await guest.$`sleep 3; echo by exec`).stdout)
// ssh2's own method, with a callback.
guest.ssh.exec('sleep 3; echo by ssh2', (_, channel) => channel.pipe(process.stdout))
await guest.waitUntilSucceeds('test -e /run/later || { touch /run/later; false; }')
console.log('waited')
