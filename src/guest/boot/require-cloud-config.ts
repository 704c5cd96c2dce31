import type { Client } from 'ssh2'
import { BootError } from '../../errors.ts'
import { nearest } from '../../errors/nearest.ts'
import { askCloudInit, type CloudInitReport } from './cloud-init-report.ts'

/** A module that failed, as cloud-init tells it: `('scripts_user', RuntimeError('…'))`. */
const MODULE = /^\('([\w-]+)'/
const HINT = "Set cloudInitErrors: 'warn' to start the guest anyway, with the errors in guest.warnings."

/** Requires that cloud-init did what the user's cloud-config asks for; what else fails stays a warning. @throws BootError with its log */
export async function requireCloudConfig(
  client: Client,
  cloudConfig: Readonly<Record<string, unknown>>,
  errors: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const keys = Object.keys(cloudConfig)
  if (keys.length === 0) return
  const modules = errors.flatMap((error) => MODULE.exec(error)?.[1] ?? [])
  const report = await askCloudInit(client, keys, modules, signal)
  const fault = report && faultOf(report, errors)
  if (fault) throw fault
}

export function faultOf(report: CloudInitReport, errors: readonly string[]): BootError | undefined {
  const { unknown, known, schema, modules, log, output } = report
  const [key] = unknown
  if (key !== undefined) {
    const near = nearest(key, known)
    return new BootError(`cloud-init in the guest does not recognize the key \`${key}\` of cloudConfig`, {
      option: 'cloudConfig',
      hint: `${near === undefined ? '' : `Did you mean ${near}? `}${HINT}`,
    })
  }
  if (schema !== '') {
    return new BootError("cloudConfig does not match cloud-init's schema (cloud-init schema --system)", {
      option: 'cloudConfig',
      stderr: schema,
      hint: HINT,
    })
  }
  const failed = Object.entries(modules).filter(([, keys]) => keys.length > 0)
  if (failed.length === 0) return undefined
  const names = failed.map(([module, keys]) => `${keys.join(', ')} (module ${module})`)
  const said = errors.filter((error) => failed.some(([module]) => error.startsWith(`('${module}'`)))
  return new BootError(`cloud-init failed to apply cloudConfig: ${names.join('; ')}`, {
    option: 'cloudConfig',
    stdout: output.join('\n'),
    stderr: [...log, ...said].join('\n'),
    hint: `The lines above are from /var/log/cloud-init-output.log and /var/log/cloud-init.log. ${HINT}`,
  })
}
