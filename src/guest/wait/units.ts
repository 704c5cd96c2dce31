import type { GuestErrorFacts } from '../../errors.ts'
import { quote } from '../../ssh/quote.ts'
import type { Exec } from '../commands.ts'

const PROPERTIES = ['LoadState', 'ActiveState', 'SubState', 'UnitFileState', 'Result', 'ExecMainStatus', 'Job']
const JOURNAL_LINES = 12

export type UnitProperties = Readonly<Record<string, string>>

/** A name without a suffix means a service, as in systemctl. */
export function showUnit(name: string, more: readonly string[] = []): string {
  return `systemctl show --property=${[...PROPERTIES, ...more].join(',')} -- ${quote(name)}`
}

/** Reads `NAME=value` lines. */
export function parseProperties(text: string): UnitProperties {
  const lines = text.split('\n').filter((line) => line.includes('='))
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** `failed (failed), Result=exit-code, exit status 3` */
export function stateOf({ ActiveState, SubState, Result, ExecMainStatus }: UnitProperties): string {
  const state = `${ActiveState} (${SubState})`
  if (Result === undefined || Result === 'success') return state
  const status = Result === 'exit-code' ? `, exit status ${ExecMainStatus}` : ''
  return `${state}, Result=${Result}${status}`
}

/** Succeeds if nothing will start the unit: it is inactive, without pending jobs, and without an active timer, socket or path. */
export function isIdle(name: string): string {
  const unit = quote(name)
  return [
    '[ -z "$(systemctl list-jobs --no-legend)" ] || exit 1',
    `triggers=$(systemctl show --property=TriggeredBy --value -- ${unit})`,
    '[ -n "$triggers" ] && systemctl is-active --quiet -- $triggers && exit 1',
    // Checked last: a job may have just finished.
    `[ "$(systemctl show --property=ActiveState --value -- ${unit})" = inactive ]`,
  ].join('\n')
}

export async function unitEvidence(name: string, exec: Exec): Promise<GuestErrorFacts> {
  const unit = quote(name)
  const parts = [
    `systemctl status --no-pager --full --lines=0 -- ${unit}`,
    `journalctl --no-pager --quiet --lines=${JOURNAL_LINES} --unit=${unit}`,
  ]
  const { stdout } = await exec(`${parts.join('\necho "= journal"\n')} 2>&1`, { reject: false })
  const [status, journal] = stdout.split('= journal\n')
  return { status, journal }
}
