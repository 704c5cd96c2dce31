import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { namespaceFlags } from '../src/host/rights/namespaces.ts'
import { requireTool } from '../src/host/program/tools.ts'
import type { Image } from '../src/image/resolve-image.ts'

const SCRIPT = fileURLToPath(new URL('./by-hand.sh', import.meta.url))
/** Milliseconds. */
const BOOT_BUDGET = 600_000

/** Running guests that were started by hand. */
export interface ByHand extends AsyncDisposable {
  /** Milliseconds from the first command until OpenSSH has seen that cloud-init is done in the last of them. */
  readonly ms: number
  /** Runs a command by ssh that writes one line. */
  ask(address: string, command: string): Promise<string>
}

/**
 * The recipe by hand, with one guest at 192.168.100.224 or with as many as there are addresses until `last`.
 * @param append the kernel's parameters, if they are to be those of our guests
 */
export async function openByHand(
  { disk, direct }: Image,
  accel: 'kvm' | 'tcg',
  last = 224,
  append: string[] = [],
): Promise<ByHand> {
  if (!direct) throw new TypeError('The recipe boots a kernel directly')
  const folder = await mkdtemp(join(tmpdir(), 'by-hand-'))
  const cpu = accel === 'kvm' ? 'host' : 'max'
  const command = [SCRIPT, folder, direct.kernel, direct.initrd, disk.path, accel, cpu, `${last}`, ...append]
  const startedAt = performance.now()
  // In separate namespaces, so that the machine's own network is unchanged, and QEMU ends with the script.
  const child = spawn(requireTool('unshare'), [...namespaceFlags(), '--', ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const lines = createInterface(child.stdout)
  const line = async () => {
    const limit = AbortSignal.timeout(BOOT_BUDGET)
    const ended = closed.then(() => {
      throw new Error('The script of the recipe has ended')
    })
    ended.catch(() => {})
    const [said] = (await Promise.race([once(lines, 'line', { signal: limit }), ended])) as [string]
    return said
  }
  const dispose = async () => {
    child.stdin.end()
    await closed
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await line()
  } catch (error) {
    child.kill('SIGKILL')
    await dispose()
    throw error
  }
  return {
    ms: performance.now() - startedAt,
    ask: (address, asked) => {
      const answered = line()
      child.stdin.write(`${address} ${asked}\n`)
      return answered
    },
    [Symbol.asyncDispose]: dispose,
  }
}

/** Milliseconds of the recipe by hand, from its first command until OpenSSH has seen that cloud-init is done. */
export async function bootByHand(image: Image, accel: 'kvm' | 'tcg'): Promise<number> {
  await using guest = await openByHand(image, accel)
  return guest.ms
}
