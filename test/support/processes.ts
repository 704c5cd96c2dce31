import { readdirSync, readFileSync } from 'node:fs'

export function processIds(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** The command line with spaces between its arguments; empty for a zombie, a kernel thread, and one that has gone. */
export function commandLineOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
}

/** The value of a variable in the environment that the process was started with. */
export function environmentOf(pid: number, name: string): string | undefined {
  const line = read(`/proc/${pid}/environ`)
    .split('\0')
    .find((each) => each.startsWith(`${name}=`))
  return line?.slice(name.length + 1)
}

export function childrenOf(parent: number): number[] {
  // The field after the command in parentheses, which may itself hold spaces, is the state, the next the parent.
  const isChild = (pid: number) => read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[1] === `${parent}`
  return processIds().filter(isChild)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
