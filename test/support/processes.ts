import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export function processIds(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** The command line with spaces between its arguments; empty for a zombie, a kernel thread, or a process that is gone. */
export function commandLineOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
}

/** The value of a variable in the process's initial environment. */
export function environmentOf(pid: number, name: string): string | undefined {
  const line = read(`/proc/${pid}/environ`)
    .split('\0')
    .find((each) => each.startsWith(`${name}=`))
  return line?.slice(name.length + 1)
}

/** Its working folder, even if that was removed; undefined without the right to know. */
export function workingFolderOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}

/** The names in the process's initial environment. */
export function environmentNamesOf(pid: number): string[] {
  return read(`/proc/${pid}/environ`)
    .split('\0')
    .filter(Boolean)
    .map((line) => line.split('=', 1)[0] as string)
}

/** A line of /proc/PID/status, such as `Name`; empty when there is no such process. */
export function statusOf(pid: number, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? ''
}

export function childrenOf(parent: number): number[] {
  return processIds().filter((pid) => parentOf(pid) === parent)
}

function parentOf(pid: number): number {
  // After the command in parentheses, which may contain spaces, come the state and the parent.
  return Number(read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[1])
}

/** The process and its living descendants; children of a dead process no longer count. */
export function familyOf(ancestor: number): number[] {
  if (commandLineOf(ancestor) === '') return []
  const living = processIds().filter((pid) => commandLineOf(pid) !== '')
  const parents = living.map((pid) => ({ pid, parent: parentOf(pid) }))
  const family = [ancestor]
  for (const member of family) {
    family.push(...parents.filter(({ parent }) => parent === member).map(({ pid }) => pid))
  }
  return family
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
