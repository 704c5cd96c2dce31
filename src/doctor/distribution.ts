import { readFileSync } from 'node:fs'

/** `ID` and `ID_LIKE` of os-release(5), e.g. `['ubuntu', 'debian']`. */
function ids(): string[] {
  try {
    const text = readFileSync('/etc/os-release', 'utf8')
    return [...text.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)].flatMap(([, value = '']) => value.split(' '))
  } catch {
    return []
  }
}

export function isUbuntu(): boolean {
  return ids().includes('ubuntu')
}

/** What to type to get these packages, whose names are Debian's. */
export function installCommand(packages: readonly string[]): string {
  const names = packages.join(' ')
  if (!ids().includes('debian')) return `install these packages, under your distribution's names: ${names}`
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  return `${sudo}apt-get install --yes --no-install-recommends ${names}`
}
