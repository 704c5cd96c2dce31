import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bootGuest } from '../guest/start/boot-guest.ts'
import type { ImageOption } from '../options/image.ts'
import type { Command } from './command.ts'
import { printAside } from './print.ts'
import { joinTerminal } from './show/terminal.ts'

export default {
  help: `Usage: vitest-guest shell [--image IMAGE] [--memory SIZE]

Boots a guest and opens a root shell in it. The guest ends with the shell.

  --image IMAGE   a name from image ls --all, or the path of a qcow2 or raw disk; default debian-12
  --memory SIZE   size with its unit; default 512M

Exit code: the shell's.
`,
  async run(args) {
    const text = { type: 'string' } as const
    const { image, memory } = parseArgs({ args, options: { image: text, memory: text } }).values
    const startedAt = performance.now()
    const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s`
    await using guest = await bootGuest({
      ...(image !== undefined && { image: imageOption(image) }),
      ...(memory !== undefined && { memory }),
      onPhase: ({ name, durationMs }) => {
        if (durationMs === undefined) printAside(`${seconds()}  ${name}\n`)
      },
      onProgress: (line) => printAside(`${line}\n`),
    })
    const { id, address, rootPassword } = guest
    printAside(`${seconds()}  ready: root@${address}, password ${rootPassword}; exit ends the guest\n`)
    printAside(`for another shell: npx vitest-guest ssh ${id}\n`)
    return await joinTerminal(guest.ssh)
  },
} satisfies Command

/** On a command line, a path may be relative; a slash distinguishes it from a name. */
function imageOption(text: string): ImageOption {
  return (text.includes('/') ? resolve(text) : text) as ImageOption
}
