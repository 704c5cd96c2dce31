import { readdir, readFile, readlink } from 'node:fs/promises'
import { NetworkError, type HostError } from '../../errors.ts'
import { runInside } from '../inside/run-inside.ts'
import type { Attachment, Network } from '../network.ts'

/** QEMU's message for a TAP that another process has open. */
const BUSY = /could not configure \/dev\/net\/tun \(([^)]+)\): Device or resource busy/

/** The error of a QEMU that did not start, or a better one when another process has its TAP open. */
export async function explainBusyTap(error: unknown, network: Network, { tap }: Attachment): Promise<unknown> {
  const { stderr } = error as Partial<HostError>
  if (tap === undefined || !BUSY.test(stderr ?? '')) return error
  const holders = await holdersOf(tap, await runInside(network, ['readlink', '/proc/self/ns/net'])).catch(() => [])
  const who = holders.length === 0 ? 'another process' : holders.join(', ')
  return new NetworkError(`TAP ${tap} is in use by ${who}`, {
    cause: error,
    stderr,
    hint: 'Only one QEMU can use a TAP at a time. End that process, or attach the machine to its own TAP: network.attach() creates one.',
  })
}

/** Processes that have the TAP of this name open in this network namespace, as `qemu-system-x86_64 (process 123)`. */
async function holdersOf(tap: string, namespace: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = pids.map(async (pid) => {
    try {
      if ((await readlink(`/proc/${pid}/ns/net`)) !== namespace) return []
      const files = await readdir(`/proc/${pid}/fdinfo`)
      const texts = await Promise.all(files.map((fd) => readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8').catch(() => '')))
      // linux/drivers/net/tun.c, tun_chr_show_fdinfo.
      if (!texts.some((text) => new RegExp(`^iff:\\s*${tap}$`, 'm').test(text))) return []
      return [`${(await readFile(`/proc/${pid}/comm`, 'utf8')).trim()} (process ${pid})`]
    } catch {
      // Not readable by this user, or gone.
      return []
    }
  })
  return (await Promise.all(found)).flat()
}
