import { readFileSync } from 'node:fs'

/** All processes below one, at any depth (needs CONFIG_PROC_CHILDREN, which distributions set). */
export function childProcesses(pid: number): number[] {
  let children: number[] = []
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    // It has just ended.
  }
  return children.flatMap((child) => [child, ...childProcesses(child)])
}
