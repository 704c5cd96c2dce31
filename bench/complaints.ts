import type { Endurance, Use } from './endurance.ts'

/** A file system's count of blocks changes when it writes them out. A file left by each of 200 clones would be more. */
const CACHE_SLACK_MIB = 0.5

/** What must not happen: failed clones, and growth of anything of which nothing may be left behind. */
export function complaints({ clones, failed, uses }: Endurance): string[] {
  const found = failed > 0 ? [`${failed} of ${clones} clones failed`] : []
  const [first, last] = [uses[0], uses.at(-1)]
  if (!first || !last) return found
  const grew = (what: string, name: keyof Use, slack = 0) => {
    if (last[name] <= first[name] + slack) return
    const [before, after] = [first[name], last[name]].map((value) => Number(value.toFixed(1)))
    found.push(`${what} grew from ${before} to ${after} between clone ${first.clones} and ${last.clones}`)
  }
  grew('file descriptors', 'descriptors')
  grew('child processes', 'children')
  grew('MiB of cache', 'cacheMib', CACHE_SLACK_MIB)
  return found
}
