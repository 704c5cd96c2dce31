import { requireTool } from '../../host/program/tools.ts'

/**
 * Runs a program and ends as it did, by exit code or signal. It does not stop when the program is stopped, as nsenter does when it
 * forks for itself: then nobody would reap the program, and a PID namespace does not end before all its processes are reaped. A shell
 * without job control waits for ends alone. Its own words, such as `Killed`, are nobody's; the program's stderr is as it was.
 */
const SCRIPT = `exec 8>&2 2>/dev/null
( exec "$@" 2>&8 8>&- )
code=$?
[ $code -gt 128 ] && kill -$((code - 128)) $$
exit $code`

/**
 * The command line that runs another one in the namespaces of a process, the keeper of a private network: with its user namespace
 * for an ordinary user. Who has entered a PID namespace is not in it, only what it starts.
 */
export function entering(pid: number, user: boolean, command: readonly string[]): [string, ...string[]] {
  const which = [...(user ? ['--user', '--preserve-credentials'] : []), '--net', '--pid', '--no-fork']
  return [requireTool('nsenter'), '--target', `${pid}`, ...which, '--', '/bin/sh', '-c', SCRIPT, 'sh', ...command]
}
