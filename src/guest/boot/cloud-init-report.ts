import type { Client } from 'ssh2'
import { exec } from '../../ssh/command/exec.ts'
import { quote } from '../../ssh/quote.ts'

export interface CloudInitReport {
  /** Lines of its log that are warnings or errors, the last of them. */
  readonly log: readonly string[]
  /** The last lines that the commands of the cloud-config have written. */
  readonly output: readonly string[]
  /** Keys of the cloud-config that it does not know. */
  readonly unknown: readonly string[]
  readonly known: readonly string[]
  /** By the name of a module that failed, those of its keys that the cloud-config has. */
  readonly modules: Readonly<Record<string, readonly string[]>>
  /** What its schema check finds wrong; empty when nothing is. */
  readonly schema: string
}

/** Bytes; what is asked for is bounded in the guest too. */
const LONGEST = 100_000

/**
 * Keys that cloud-init reads without a module of its own (cloudinit/stages.py, distros/, sources/, cc_apt_configure.py), and that are
 * not in its schema. Schemas of before 22.2 know few modules, and say nothing then.
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

/** Asks cloud-init in the guest about the keys of a cloud-config and the modules that failed; undefined where it cannot be asked. */
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

/** What a guest has written is not taken for what it should be. */
function readReport(text: string): CloudInitReport | undefined {
  try {
    const { log, output, unknown, known, modules, schema } = JSON.parse(text) as Record<string, unknown>
    return {
      log: texts(log),
      output: texts(output),
      unknown: texts(unknown),
      known: texts(known),
      modules: Object.fromEntries(Object.entries(modules as object).map(([name, keys]) => [name, texts(keys)])),
      schema: String(schema),
    }
  } catch {
    return undefined
  }
}

function texts(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : []
}
