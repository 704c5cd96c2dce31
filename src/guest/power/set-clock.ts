import { once } from 'node:events'
import type { Client } from 'ssh2'
import { spawn } from '../../ssh/command/spawn.ts'
import { boundedLines } from '../../template/identity/bounded-lines.ts'
import { agreeOnTime } from '../../template/identity/resume-agent.ts'

/** Already running when the time arrives on its input. BusyBox only supports whole seconds. */
const SCRIPT = `while read -r now; do
{ date -u -s "@$now" || date -u -s "@\${now%.*}"; } >/dev/null 2>&1
date +%s.%N
done`

/** Sets the clock of a booted guest, whose RTC has only whole seconds. @throws BootError when it stays off; SshError */
export async function setClock(client: Client, signal: AbortSignal): Promise<void> {
  await using program = await spawn(client, SCRIPT, { cancelSignal: signal })
  const lines = boundedLines(program.stdout)
  const over = program.exit.then(() => [''])
  over.catch(() => {})
  const ask = async (now: string) => {
    const answered = once(lines, 'line', { signal })
    // Only one of the two is awaited.
    answered.catch(() => {})
    program.stdin.write(`${now}\n`)
    const [line] = (await Promise.race([answered, over])) as [string]
    return line
  }
  await agreeOnTime(
    ask,
    'Is the host too busy to run the guest, or does the guest lack a date(1) that can set the clock?',
  )
}
