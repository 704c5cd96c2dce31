import { parseArgs } from 'node:util'
import { probeHost } from '../doctor/capabilities.ts'
import type { Command } from './command.ts'
import { drawNetworks } from './show/draw-networks.ts'
import { print } from './print.ts'
import { renderDoctor } from '../doctor/render-doctor.ts'

export default {
  help: `Usage: vitest-guest doctor [--json]
       vitest-guest doctor --network

Checks everything a guest needs on this host: what was found, what it means, and the command that fixes it.
Changes nothing. Takes about 2 seconds.

  --json     print the result as JSON
  --network  instead, draw the open networks: bridges, TAPs and guests, with their state, addresses and counters

Exit code: 0 if a guest can boot, otherwise 1; with --network always 0.
`,
  async run(args) {
    const flag = { type: 'boolean', default: false } as const
    const { json, network } = parseArgs({ args, options: { json: flag, network: flag } }).values
    if (network) return print(await drawNetworks())
    const capabilities = await probeHost()
    // hasColors() knows of NO_COLOR, and exists on terminals only.
    const colours = process.stdout.isTTY && process.stdout.hasColors()
    process.stdout.write(json ? `${JSON.stringify(capabilities, null, 2)}\n` : renderDoctor(capabilities, colours))
    return capabilities.canBoot ? 0 : 1
  },
} satisfies Command
