import type { Client } from 'ssh2'
import { exec } from '../../ssh/command/exec.ts'

/**
 * First has the kernel tell of every program that dumps core, not only of faults, for the console guard
 * (https://docs.kernel.org/admin-guide/sysctl/kernel.html#print-fatal-signals). Then waits in the guest, in the same command, until
 * logins are open and cloud-init has run all its stages. The files are what `cloud-init status --wait` looks at too, but that is
 * a Python start-up, two seconds under emulation. (cloudinit/cmd/status.py, 22.4 to 25).
 *
 * What was done until then is on the disk afterwards, so that a crash at once does not lose what makes the guest boot again.
 */
const SCRIPT = `
{ echo 1 >/proc/sys/kernel/print-fatal-signals; } 2>/dev/null
pending() { [ -d /run/cloud-init ] && [ ! -e /run/cloud-init/result.json ] && [ ! -e /run/cloud-init/disabled ]; }
while [ -e /run/nologin ] || pending; do sleep 0.2; done
sync
cat /run/cloud-init/result.json 2>/dev/null || true
`

/** Returns what cloud-init reports as errors: a module that failed is a warning here, since the guest itself is up. */
export async function waitForCloudInit(client: Client, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await exec(client, SCRIPT, { cancelSignal: signal, timeout: 0 })
  if (stdout === '') return []
  const { v1 } = JSON.parse(stdout) as { v1?: { errors?: unknown[] } }
  return (v1?.errors ?? []).map(String)
}
