import { parseArgs } from 'node:util'
import type { Command } from './command.ts'
import { imageOption, openShell } from './shell.ts'

export const shell: Command = {
  help: `Usage: vitest-guest shell [--image IMAGE] [--memory SIZE]

Boots a guest and opens a root shell in it. The guest ends with the shell.

  --image IMAGE   debian-12 or the path of a qcow2 or raw disk; default debian-12
  --memory SIZE   size with its unit; default 512M

Exit code: the shell's.
`,
  async run(args) {
    const { image, memory } = parseArgs({
      args,
      options: { image: { type: 'string' }, memory: { type: 'string' } },
    }).values
    return openShell({
      ...(image !== undefined && { image: imageOption(image) }),
      ...(memory !== undefined && { memory }),
    })
  },
}
