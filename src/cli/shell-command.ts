import { parseArgs } from 'node:util'
import type { Command } from './command.ts'
import { openShell } from './shell.ts'

export const shell: Command = {
  help: `Usage: vitest-guest shell

Boots a guest of the default image and opens a shell in it, as root. The guest ends with the shell.

Exit code: the shell's.
`,
  async run(args) {
    parseArgs({ args, options: {} })
    return openShell()
  },
}
