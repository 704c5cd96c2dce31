// Starts a guest, telling how its template is built, and says how it was started. Its argument: the guest's options.
import { bootGuest, type BootOptions } from '../../../src/index.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as BootOptions
const guest = await bootGuest({ ...options, onProgress: (line) => console.log(line) })
await guest[Symbol.asyncDispose]()
console.log(guest.started)
