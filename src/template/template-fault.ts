import { messageOf } from '../host/message-of.ts'
import { RefusedError } from './restore-failure.ts'
import { openTemplate, type Template } from './store.ts'

/**
 * What is wrong with the template whose clone did not start; undefined when nothing shows that it is to blame. A QEMU that was
 * killed, a guest that was too slow or a host that is short of memory say nothing of it.
 */
export async function templateFault({ folder, key }: Template, error: unknown): Promise<string | undefined> {
  if (error instanceof RefusedError) return messageOf(error)
  const again = await openTemplate(folder, key, { isSuspect: true })
  return 'fault' in again ? again.fault : undefined
}
