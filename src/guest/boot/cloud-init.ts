import type { Client } from 'ssh2'
import { BootError } from '../../errors.ts'
import { nearest } from '../../errors/bad-option.ts'
import { parseJson } from '../../host/parse-json.ts'
import { isPlainObject } from '../../options/check.ts'
import { exec } from '../../ssh/command/exec.ts'
import { quote } from '../../ssh/quote.ts'

/** A failed module, as cloud-init reports it: `('scripts_user', RuntimeError('…'))`. */
const MODULE = /^\('([\w-]+)'/
const HINT = "Set cloudInitErrors: 'warn' to start the guest anyway, with the errors in guest.warnings."

/** Requires that cloud-init applied the user's cloud-config; other failures stay warnings. @throws BootError with its log */
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

export interface CloudInitReport {
  /** The last warnings and errors in its log. */
  readonly log: readonly string[]
  /** The last output lines of the cloud-config's commands. */
  readonly output: readonly string[]
  /** Keys of the cloud-config that it does not know. */
  readonly unknown: readonly string[]
  readonly known: readonly string[]
  /** The failed modules, each with those of its keys that the cloud-config contains. */
  readonly modules: Readonly<Record<string, readonly string[]>>
  /** The faults that its schema check finds. */
  readonly schema: string
}

/** Bytes; the report is also limited in the guest. */
const LONGEST = 100_000

/**
 * BASE: keys that cloud-init reads outside of its modules (cloudinit/stages.py, distros/, sources/, cc_apt_configure.py), which are not
 * in its schema. Schemas before 22.2 cover few modules, and are not used.
 */
const PROGRAM = `
import glob, json, os, subprocess, sys
BASE = set('''cloud_config_modules cloud_final_modules cloud_init_modules datasource datasource_list debconf_selections def_log_file
disable_ec2_metadata instance-id launch-index log_cfgs logcfg manual_cache_clean merge_how merge_type network output reporting
syslog_fix_perms system_info unverified_modules vendor_data vendor_data2 warnings'''.split())
keys, modules = json.load(sys.stdin)
def tail(path, count, levels=()):
    try:
        with open(path, errors='replace') as file:
            file.seek(max(0, os.path.getsize(path) - 262144))
            lines = [line.rstrip()[:400] for line in file]
    except OSError:
        return []
    return [line for line in lines if not levels or any('[%s]' % level in line for level in levels)][-count:]
log = tail('/var/log/cloud-init.log', 10, ('WARNING', 'ERROR', 'CRITICAL'))
parts = {}
for path in glob.glob('/usr/lib*/python3*/*-packages/cloudinit/config/schemas/schema-cloud-config-v1.json')[:1]:
    with open(path) as file:
        schema = json.load(file)
    definitions = schema.get('$defs', {})
    parts = {each['$ref'].split('/')[-1]: set() for each in schema.get('allOf', []) if '$ref' in each}
    for name in parts:
        parts[name] = set(definitions.get(name, {}).get('properties', {}))
    parts['base'] = set(schema.get('properties', {}))
known = BASE.union(*parts.values()) if len(parts) > 40 else set()
unknown = [key for key in keys if known and key not in known and not key.startswith(('apt_', 'x-'))]
owner = {'scripts_user': 'runcmd', 'write_files_deferred': 'write_files'}
def mine(module):
    name = module.replace('-', '_')
    return [key for key in keys if key in parts.get('cc_' + owner.get(name, name), ())]
schema = ''
if any('Invalid cloud-config' in line or 'failed schema validation' in line for line in log):
    checked = subprocess.run(['cloud-init', 'schema', '--system'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if checked.returncode:
        schema = checked.stdout.decode(errors='replace')[:4000]
print(json.dumps({'log': log, 'output': tail('/var/log/cloud-init-output.log', 6), 'unknown': unknown, 'known': sorted(known),
    'modules': {module: mine(module) for module in modules}, 'schema': schema}))
`

/** Asks cloud-init in the guest about the keys of a cloud-config and the failed modules; undefined when it cannot be asked. */
export async function askCloudInit(
  client: Client,
  keys: readonly string[],
  modules: readonly string[],
  signal: AbortSignal,
): Promise<CloudInitReport | undefined> {
  const { stdout, failed } = await exec(client, `python3 -I -S -c ${quote(PROGRAM)}`, {
    input: JSON.stringify([keys, modules]),
    cancelSignal: signal,
    maxBuffer: LONGEST,
    reject: false,
  })
  return failed ? undefined : readReport(stdout)
}

/** The guest is not trusted. */
function readReport(text: string): CloudInitReport | undefined {
  const report = parseJson(text)
  if (!isPlainObject(report) || !isPlainObject(report['modules'])) return undefined
  const { log, output, unknown, known, modules, schema } = report
  return {
    log: texts(log),
    output: texts(output),
    unknown: texts(unknown),
    known: texts(known),
    modules: Object.fromEntries(Object.entries(modules as object).map(([name, keys]) => [name, texts(keys)])),
    schema: String(schema),
  }
}

function texts(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : []
}

/**
 * First makes the kernel report every core dump, not only faults, for the console guard
 * (https://docs.kernel.org/admin-guide/sysctl/kernel.html#print-fatal-signals). Then waits, in the same command, until logins are open and
 * cloud-init has run all its stages: `cloud-init status --wait` checks the same files, but takes two seconds to start under emulation
 * (cloudinit/cmd/status.py, 22.4 to 25). The sync keeps a crash right afterwards from losing what the guest needs to boot again.
 */
const SCRIPT = `
{ echo 1 >/proc/sys/kernel/print-fatal-signals; } 2>/dev/null
pending() { [ -d /run/cloud-init ] && [ ! -e /run/cloud-init/result.json ] && [ ! -e /run/cloud-init/disabled ]; }
while [ -e /run/nologin ] || pending; do sleep 0.2; done
sync
cat /run/cloud-init/result.json 2>/dev/null || true
`

/** Returns cloud-init's errors, which are only warnings here: the guest itself is up. */
export async function waitForCloudInit(client: Client, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await exec(client, SCRIPT, { cancelSignal: signal, timeout: 0 })
  if (stdout === '') return []
  const { v1 } = JSON.parse(stdout) as { v1?: { errors?: unknown[] } }
  return (v1?.errors ?? []).map(String)
}
