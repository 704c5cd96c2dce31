import { GuestError } from '../errors.ts'
import { refuseUnknown } from '../options/check.ts'
import { quote } from '../ssh/quote.ts'
import type { Guest } from './guest.ts'

const PRIORITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const

/** As syslog(3) has them, the gravest first. */
export type JournalPriority = (typeof PRIORITIES)[number]

export interface JournalOptions {
  /** Only what was written at this time or later. */
  since?: Date
  /** Only of this systemd unit, as in `'ssh'` or `'nginx.service'`. */
  unit?: string
  /** Only what is at least as grave as this. */
  priority?: JournalPriority
}

/** A message of the guest's journal. */
export interface JournalEntry {
  readonly time: Date
  readonly priority: JournalPriority
  /** E.g. `ssh.service`; undefined for the kernel's messages. */
  readonly unit: string | undefined
  /** Who wrote it: `sshd`, `kernel`, `systemd`. */
  readonly identifier: string
  readonly pid: number | undefined
  readonly message: string
}

/** The guest's journal, the oldest message first. */
export async function journal(exec: Guest['exec'], options: JournalOptions = {}): Promise<JournalEntry[]> {
  const { stdout } = await exec(journalCommand(refuseUnknown(options, ['since', 'unit', 'priority'])))
  return parseJournal(stdout)
}

/** Needs systemd 236 or newer, for `--output-fields`. */
export function journalCommand({ since, unit, priority }: JournalOptions): string {
  const words = ['journalctl', '--quiet', '--no-pager', '--all', '--output=json']
  words.push('--output-fields=MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,SYSLOG_IDENTIFIER,_COMM,_PID')
  if (since !== undefined) {
    if (Number.isNaN(since.getTime())) {
      throw new GuestError('Option `since` must be a date; got an invalid one', {
        option: 'since',
        hint: 'Write since: new Date(), taken before what is to be looked at.',
      })
    }
    words.push(`--since=@${(since.getTime() / 1000).toFixed(3)}`)
  }
  if (unit !== undefined) words.push(`--unit=${quote(unit)}`)
  if (priority !== undefined) words.push(`--priority=${quote(priority)}`)
  return words.join(' ')
}

/** One JSON object a line (https://systemd.io/JOURNAL_EXPORT_FORMATS/). */
export function parseJournal(text: string): JournalEntry[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const fields = JSON.parse(line) as Record<string, unknown>
    const pid = textOf(fields['_PID'])
    return {
      time: new Date(Number(textOf(fields['__REALTIME_TIMESTAMP'])) / 1000),
      priority: PRIORITIES[Number(textOf(fields['PRIORITY']) ?? 6)] ?? 'info',
      // `UNIT` is what systemd's own messages are about.
      unit: textOf(fields['UNIT']) ?? textOf(fields['_SYSTEMD_UNIT']),
      identifier: textOf(fields['SYSLOG_IDENTIFIER']) ?? textOf(fields['_COMM']) ?? '',
      pid: pid === undefined ? undefined : Number(pid),
      message: textOf(fields['MESSAGE']) ?? '',
    }
  })
}

/** For people, as journalctl prints them: `2026-11-23T06:11:05.123Z sshd[412]: Server listening on 0.0.0.0 port 22.` */
export function journalText(entries: readonly JournalEntry[]): string {
  const lines = entries.map(({ time, identifier, pid, message }) => {
    const who = pid === undefined ? identifier : `${identifier}[${pid}]`
    return `${time.toISOString()} ${who}: ${message}\n`
  })
  return lines.join('')
}

/** A field is a text; with bytes that are no UTF-8 an array of numbers; given several times an array of these. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  return value.every((item) => typeof item === 'number') ? Buffer.from(value).toString() : textOf(value[0])
}
