import { once } from 'node:events'
import type { Client } from 'ssh2'
import { spawn, type GuestProcess } from '../../ssh/command/spawn.ts'
import { agreeOnTime } from '../../template/identity/resume-agent.ts'

/** Characters of an answer; ours has 21. */
const LONGEST = 100
/** It waits for the time, so that it is already running when that comes. Busybox knows whole seconds alone. */
const SCRIPT = `while read -r now; do
{ date -u -s "@$now" || date -u -s "@\${now%.*}"; } >/dev/null 2>&1
date +%s.%N
done`

/** Sets the clock of a guest that has booted, which its RTC gave in whole seconds. @throws BootError when it stays off; SshError */
export async function setClock(client: Client, signal: AbortSignal): Promise<void> {
  await using program = await spawn(client, SCRIPT, { cancelSignal: signal })
  const ask = (now: string) => {
    const answered = answer(program, signal)
    program.stdin.write(`${now}\n`)
    return answered
  }
  await agreeOnTime(
    ask,
    'Is the host too busy to run the guest, or does the guest lack a date(1) that can set the clock?',
  )
}

async function answer({ stdout, exit }: GuestProcess, signal: AbortSignal): Promise<string> {
  let text = ''
  while (!text.includes('\n') && text.length < LONGEST) {
    const more = once(stdout, 'data', { signal }) as Promise<[Buffer]>
    const isOver = exit.then(() => undefined)
    // Only one of the two is waited for.
    for (const each of [more, isOver]) each.catch(() => {})
    const chunk = await Promise.race([more, isOver])
    if (!chunk) return text
    text += chunk[0].toString()
  }
  return text
}
