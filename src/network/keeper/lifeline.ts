/** In the state folder of a network without namespaces: a FIFO that its keeper holds open for as long as it lives. */
export const LIFELINE = 'lifeline'

/**
 * Runs a program that ends with the keeper, by whatever signal that one goes: the kernel then closes the FIFO, the read of the
 * watcher ends, and it kills the program. `--pdeathsig` alone would tie the program to whoever started it, which is not who
 * holds the network. The watcher must not outlive this shell, or it would one day kill whoever has the program's number then.
 * What is in between passes the program's end on as it was, exit code or signal.
 *
 * `<&8`, since a shell gives what it runs in the background no other input than /dev/null.
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
