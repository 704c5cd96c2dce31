import { readFileSync } from 'node:fs'

/** A process, told apart from a later one with the same id. */
export interface ProcessName {
  readonly pid: number
  /** In clock ticks since the boot (proc(5)). */
  readonly startTime: number
}

export function isAlive({ pid, startTime }: ProcessName): boolean {
  return startTimeOf(pid) === startTime
}

export function nameOf(pid: number): ProcessName {
  return { pid, startTime: startTimeOf(pid) ?? 0 }
}

export function isProcessName(value: unknown): value is ProcessName {
  const { pid, startTime } = (value ?? {}) as Partial<ProcessName>
  return Number.isSafeInteger(pid) && (pid as number) > 0 && Number.isSafeInteger(startTime)
}

/** Undefined when there is no such process, or it is a zombie. */
function startTimeOf(pid: number): number | undefined {
  try {
    // The second field, in parentheses, may hold spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    return undefined
  }
}
