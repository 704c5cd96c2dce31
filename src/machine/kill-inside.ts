import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Kills what a child runs inside a PID namespace, and lets the child reap it. With `--pdeathsig` alone, the host's process 1 would have to
 * reap the zombie before the namespace ends: that can take a second, and in a container without an init it never happens.
 */
export function killInside(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return
  const inner = childrenOf(child.pid)
  if (inner.length === 0) child.kill('SIGKILL')
  for (const pid of inner) kill(pid)
}

/** The children of a single-threaded process (proc(5); needs CONFIG_PROC_CHILDREN, which distributions set). */
function childrenOf(pid: number | undefined): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}
