import { isAbsolute, resolve } from 'node:path'
import { bootGuest } from '../guest/start/boot-guest.ts'
import type { GuestOptions } from '../options/guest-options.ts'
import { printAside } from './print.ts'
import { joinTerminal } from './show/terminal.ts'

/** Boots a guest and opens an interactive shell in it; its exit code is the shell's. */
export async function openShell(options: Pick<GuestOptions, 'image' | 'memory'>): Promise<number> {
  const startedAt = performance.now()
  await using guest = await bootGuest({
    ...options,
    onPhase: ({ name, durationMs }) => {
      if (durationMs === undefined) printAside(`${seconds(startedAt)}  ${name}\n`)
    },
    onProgress: (line) => printAside(`${line}\n`),
  })
  const { id, address, rootPassword } = guest
  printAside(`${seconds(startedAt)}  ready: root@${address}, password ${rootPassword}; exit ends the guest\n`)
  printAside(`for another shell: npx vitest-guest ssh ${id}\n`)
  return await joinTerminal(guest.ssh)
}

/** On a command line a path may be relative, and needs a slash to be told from a name. */
export function imageOption(text: string): string {
  return text.includes('/') && !isAbsolute(text) ? resolve(text) : text
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1).padStart(6)} s`
}
