import { parseArgs } from 'node:util'
import { probeHost } from '../host/capabilities.ts'
import type { Command } from './command.ts'
import { renderDoctor } from './render-doctor.ts'

export const doctor: Command = {
  help: `Usage: vitest-guest doctor [--json]

Shows what this host has of everything a guest needs, what that means, and the command that mends it.
Changes nothing. Takes some 2 seconds.

  --json   print the same as data

Exit code: 0 if a guest can boot, else 1.
`,
  async run(args) {
    const { json } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } }).values
    const capabilities = await probeHost()
    // hasColors() knows of NO_COLOR, and exists on terminals only.
    const colours = process.stdout.isTTY && process.stdout.hasColors()
    process.stdout.write(json ? `${JSON.stringify(capabilities, null, 2)}\n` : renderDoctor(capabilities, colours))
    return capabilities.canBoot ? 0 : 1
  },
}
