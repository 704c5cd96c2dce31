import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import { qemuFolder } from '../host/files/state-folder.ts'
import { readMade } from './read-made.ts'
import type { Qmp } from '../qmp/qmp.ts'

/** The size limit of a screenshot, in bytes. */
const LARGEST = 32 * 1024 * 1024

/** The machine's screen as PNG, from QEMU. @throws HostError when QEMU is older than 7.1, was built without libpng, or has exited */
export async function screenshot(qmp: Qmp, stateFolder: string): Promise<Buffer> {
  const name = `screenshot-${randomBytes(4).toString('hex')}.png`
  const file = join(qemuFolder(stateFolder), name)
  try {
    await qmp.execute('screendump', { filename: name, format: 'png' })
    return await readMade(file, LARGEST)
  } catch (cause) {
    throw new HostError(`No screenshot could be taken: ${messageOf(cause)}`, {
      cause,
      ...(/format|PNG/i.test(messageOf(cause)) && { hint: 'QEMU 7.1 or newer with PNG support is needed.' }),
    })
  } finally {
    await rm(file, { force: true })
  }
}
