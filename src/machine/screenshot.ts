import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import type { Qmp } from '../host/qmp.ts'

/**
 * The machine's screen as PNG. QEMU writes it to a file, in a folder of ours, and in one go: what it answers comes after.
 * @throws HostError when QEMU is older than 7.1 (it knew no PNG), was built without libpng, or has ended.
 */
export async function screenshot(qmp: Qmp, folder: string): Promise<Buffer> {
  const file = join(folder, `screenshot-${randomBytes(4).toString('hex')}.png`)
  try {
    await qmp.execute('screendump', { filename: file, format: 'png' })
    return await readFile(file)
  } catch (cause) {
    throw new HostError(`There is no screenshot: ${messageOf(cause)}`, {
      cause,
      ...(/format|PNG/i.test(messageOf(cause)) && { hint: 'QEMU 7.1 or newer, with PNG support, is needed for it.' }),
    })
  } finally {
    await rm(file, { force: true })
  }
}
