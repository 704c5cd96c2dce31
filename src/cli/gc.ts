import { parseArgs } from 'node:util'
import { collectGarbage, isGone, type Verdict } from '../template/collect-garbage.ts'
import { type Command, UsageError } from './command.ts'
import { print } from './print.ts'
import { sizeText } from './show/units.ts'

export default {
  help: `Usage: vitest-guest gc [--older-than DAYS] [--dry-run]

Removes from the cache whatever can no longer be used, or has not been used for a long time:

  - leftovers of interrupted builds and downloads
  - templates that are broken, or whose image is gone
  - images that this release would build differently, or that the vendor has replaced, and the templates based on them
  - images and templates not used for the given number of days

Never removes anything that is in use, or was used less than a minute ago.

  --older-than DAYS   number of days; default 30
  --dry-run           only print what would be removed

Exit code: 0, or 1 if something could not be removed.
`,
  async run(args) {
    const options = {
      'older-than': { type: 'string', default: '30' },
      'dry-run': { type: 'boolean', default: false },
    } as const
    const { 'older-than': days, 'dry-run': dryRun } = parseArgs({ args, options }).values
    if (!/^\d{1,6}$/.test(days)) throw new UsageError(`DAYS must be a whole number; got ${days}`)
    let freed = 0
    let exitCode = 0
    for await (const verdict of collectGarbage({ days: Number(days), now: Date.now(), dryRun })) {
      print(renderVerdict(verdict, dryRun))
      if (isGone(verdict)) freed += verdict.bytes
      if (verdict.error !== undefined) exitCode = 1
    }
    print(`${dryRun ? 'would be freed' : 'freed'} in total: ${sizeText(freed)}\n`)
    return exitCode
  },
} satisfies Command

function renderVerdict({ what, bytes, reason, kept, error }: Verdict, dryRun: boolean): string {
  const start = `${what}  ${sizeText(bytes)}  `
  if (error !== undefined) return `${start}could not be removed: ${error} (${reason})\n`
  if (kept !== undefined) return `${start}kept: ${kept} (${reason})\n`
  return `${start}${dryRun ? 'would be removed' : 'removed'}: ${reason}\n`
}
