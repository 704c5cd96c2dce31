import { requireTool } from '../../host/program/tools.ts'
import { runInside, type Inside } from './run-inside.ts'

/** Runs lines of ip(8) inside a network. @throws HostError when one of them fails, or ip(8) is missing */
export function ipInside(where: Inside): (commands: string, signal?: AbortSignal) => Promise<string> {
  const command = [requireTool('ip'), '-batch', '-']
  return (commands, signal) => runInside(where, command, { input: commands, signal })
}
