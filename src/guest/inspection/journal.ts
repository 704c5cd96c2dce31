import { CommandError, GuestError } from '../../errors.ts'
import { parseJson } from '../../host/parse-json.ts'
import { isPlainObject, refuseUnknown } from '../../options/check.ts'
import { quote } from '../../ssh/quote.ts'
import type { Exec } from '../commands.ts'

const PRIORITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const

/** As in syslog(3), most severe first. */
export type JournalPriority = (typeof PRIORITIES)[number]

export interface JournalOptions {
  /** Only messages written at this time or later. */
  since?: Date
  /** Only messages of this systemd unit, e.g. `'ssh'` or `'nginx.service'`. */
  unit?: string
  /** Only messages of at least this severity. */
  priority?: JournalPriority
}

/** A message of the guest's journal. */
export interface JournalEntry {
  readonly time: Date
  readonly priority: JournalPriority
  /** E.g. `ssh.service`; undefined for the kernel's messages. */
  readonly unit: string | undefined
  /** The program that wrote it: `sshd`, `kernel`, `systemd`. */
  readonly identifier: string
  readonly pid: number | undefined
  readonly message: string
}

export async function journal(exec: Exec, options: JournalOptions = {}): Promise<JournalEntry[]> {
  const { stdout } = await exec(journalCommand(refuseUnknown(options, ['since', 'unit', 'priority'])))
  return parseJournal(stdout)
}

/** Needs systemd 236 or newer, for `--output-fields`. */
export function journalCommand({ since, unit, priority }: JournalOptions): string {
  const words = ['journalctl', '--quiet', '--no-pager', '--all', '--output=json']
  words.push('--output-fields=MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,SYSLOG_IDENTIFIER,_COMM,_PID')
  if (since !== undefined) {
    if (Number.isNaN(since.getTime())) {
      throw new GuestError('Option `since` must be a valid date', {
        option: 'since',
        hint: 'Write since: new Date(), taken before the events of interest.',
      })
    }
    words.push(`--since=@${(since.getTime() / 1000).toFixed(3)}`)
  }
  if (unit !== undefined) words.push(`--unit=${quote(unit)}`)
  if (priority !== undefined) words.push(`--priority=${quote(priority)}`)
  return words.join(' ')
}

/** One JSON object a line (https://systemd.io/JOURNAL_EXPORT_FORMATS/). @throws CommandError for anything else */
export function parseJournal(text: string): JournalEntry[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line, index) => {
    const read = parseJson(line)
    const fields = isPlainObject(read) ? read : {}
    const time = new Date(Number(textOf(fields['__REALTIME_TIMESTAMP'])) / 1000)
    if (Number.isNaN(time.getTime())) {
      const what = `Line ${index + 1} of the guest's journal is not a journal entry: ${line.slice(0, QUOTED)}`
      throw new CommandError(what, { hint: "Does journalctl work in the guest, and is it systemd's?" })
    }
    const pid = textOf(fields['_PID'])
    return {
      time,
      priority: PRIORITIES[Number(textOf(fields['PRIORITY']) ?? 6)] ?? 'info',
      // `UNIT` is the subject of systemd's own messages.
      unit: textOf(fields['UNIT']) ?? textOf(fields['_SYSTEMD_UNIT']),
      identifier: textOf(fields['SYSLOG_IDENTIFIER']) ?? textOf(fields['_COMM']) ?? '',
      pid: pid === undefined ? undefined : Number(pid),
      message: textOf(fields['MESSAGE']) ?? '',
    }
  })
}

/** Formats entries as journalctl prints them: `2026-11-23T06:11:05.123Z sshd[412]: Server listening on 0.0.0.0 port 22.` */
export function journalText(entries: readonly JournalEntry[]): string {
  const lines = entries.map(({ time, identifier, pid, message }) => {
    const who = pid === undefined ? identifier : `${identifier}[${pid}]`
    return `${time.toISOString()} ${who}: ${message}\n`
  })
  return lines.join('')
}

/** Characters of a line to show in an error. */
const QUOTED = 200

/** A field is a string; with invalid UTF-8 an array of bytes; if it occurs several times, an array of these. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  if (value.every((item) => typeof item === 'number')) return Buffer.from(value).toString()
  const first: unknown = value[0]
  return Array.isArray(first) && first.some(Array.isArray) ? undefined : textOf(first)
}
