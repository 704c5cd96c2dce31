import { readdirSync, readFileSync } from 'node:fs'

/** The records of all host networks: the path of each, and its text. */
export function hostRecords(): { path: string; text: string }[] {
  return readdirSync('/tmp')
    .filter((name) => /^vitest-guest-network-[0-9a-f]{6}$/.test(name))
    .map((name) => `/tmp/${name}/record.json`)
    .flatMap((path) => {
      try {
        return [{ path, text: readFileSync(path, 'utf8') }]
      } catch {
        // Its network has just been taken down.
        return []
      }
    })
}
