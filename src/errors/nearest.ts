/** The known name with the fewest edits to `name`, if they are few. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const limit = Math.min(name.length - 1, Math.max(2, name.length / 4))
  const [best] = known
    .map((each) => ({ each, distance: distance(name, each) }))
    .filter((found) => found.distance <= limit)
    .sort((one, other) => one.distance - other.distance)
  return best?.each
}

/** Levenshtein distance. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [i, character] of [...one].entries()) {
    const next = [i + 1]
    for (const [j, wanted] of [...other].entries()) {
      const change = (row[j] as number) + (character === wanted ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row.at(-1) as number
}
