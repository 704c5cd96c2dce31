/** As in `engines` of package.json; execa 10 does not load on older ones. */
const LEAST = [22, 12] as const

export const LEAST_NODE = LEAST.join('.')

/** Puts a newer Node first on the PATH of npm's scripts and npx, whatever the host's own is. */
export const NEWER_NODE = 'npm install --save-dev node@24'

export function isNodeNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])
}
