// Starts a guest, telling how its template is built, and says how it was started.
import { bootGuest } from '../../src/index.ts'

const guest = await bootGuest({ onProgress: (line) => console.log(line) })
await guest[Symbol.asyncDispose]()
console.log(guest.started)
