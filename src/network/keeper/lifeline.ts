/** In the state folder of a network without namespaces: a FIFO that its keeper holds open for as long as it lives. */
export const LIFELINE = 'lifeline'

/**
 * Runs a program that ends with the keeper, however that ends: the kernel closes the FIFO, the watcher's read ends, and it kills the
 * program. `--pdeathsig` alone would tie the program to its parent, which is not what holds the network. The watcher must not
 * outlive this shell, or it might kill a later process with the same id. The shell ends as the program did, by exit code or signal.
 *
 * `<&8`, because a shell gives background programs /dev/null as their input.
 */
const SCRIPT = `
exec 8<&0 9<"$0" || exit
"$@" <&8 8<&- 9<&- &
program=$!
exec </dev/null >/dev/null 2>&1 3<&- 4<&- 5<&- 6<&- 8<&-
setpriv --pdeathsig KILL -- sh -c 'read -r _; kill -KILL "$0"' $program <&9 &
watcher=$!
exec 9<&-
wait $program
code=$?
kill -KILL $watcher
[ $code -gt 128 ] && kill -$((code - 128)) $$
exit $code`

/** The command line that runs another one on the lifeline of a network. */
export function tethered(fifo: string, command: readonly string[]): [string, ...string[]] {
  return ['/bin/sh', '-c', SCRIPT, fifo, ...command]
}
