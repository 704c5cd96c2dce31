import { readFileSync, statSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { arch } from 'node:process'
import { whyUnopenable } from '../host/rights/device.ts'
import { recall, remember } from '../host/files/remembered-answer.ts'
import { runBootSector } from './run-boot-sector.ts'
import { requireTool } from '../host/program/tools.ts'

const DEVICE = '/dev/kvm'

export interface KvmFault {
  readonly reason: string
  readonly fix: string
}

/**
 * Whether KVM runs 64-bit code, found by running some: on some machines, mostly with incomplete nested virtualization, /dev/kvm
 * opens, but QEMU aborts on `-cpu host` or the guest hangs. The answer is remembered for this boot of the host; `afresh` tests again.
 *
 * @returns undefined when KVM works
 * @throws HostError when there is no QEMU to ask; the signal's reason when aborted
 */
export async function findKvmFault(
  options: { afresh?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<KvmFault | undefined> {
  const { afresh = false, signal } = options
  const qemu = requireTool('qemu-system-x86_64')
  const fault = deviceFault()
  if (fault !== undefined) return fault
  const key = circumstances(qemu)
  let answer = afresh ? undefined : recall('kvm', key)
  if (answer === undefined) {
    answer = { key, fault: await runBootSector(qemu, 'kvm', signal) }
    // An overloaded host may miss the limit even though KVM works; do not remember that until the next boot.
    const isOverloaded = (loadavg()[0] ?? 0) > availableParallelism()
    remember('kvm', answer, answer.fault === undefined || !isOverloaded)
  }
  if (answer.fault === undefined) return undefined
  return {
    reason: `${DEVICE} opens but does not run 64-bit code: ${answer.fault}`,
    fix: 'nothing can be fixed inside this machine: if it is virtual, ask for working nested virtualization, or use another host',
  }
}

function deviceFault(): KvmFault | undefined {
  if (arch !== 'x64') return { reason: `this host is ${arch}, the guests are x86_64`, fix: 'use an x86_64 host' }
  const code = whyUnopenable(DEVICE)
  switch (code) {
    case undefined:
      return undefined
    case 'ENOENT':
      return missing(`${DEVICE} is missing`)
    case 'ENODEV':
    case 'ENXIO':
      return missing(`${DEVICE} has no driver behind it (${code})`)
    case 'EPERM':
      return { reason: `${DEVICE} is forbidden here (EPERM)`, fix: `start the container with --device ${DEVICE}` }
    default:
      return {
        reason: `${DEVICE} cannot be opened by this user (${code})`,
        fix: `sudo usermod -aG kvm "$USER", then log in again (on a CI runner, where nobody logs in: sudo chmod 0666 ${DEVICE})`,
      }
  }
}

function missing(reason: string): KvmFault {
  const flags = readFileSync('/proc/cpuinfo', 'utf8')
  const driver = /\bvmx\b/.test(flags) ? 'kvm_intel' : /\bsvm\b/.test(flags) ? 'kvm_amd' : undefined
  if (driver) return { reason, fix: `sudo modprobe ${driver}; in a container, start that with --device ${DEVICE}` }
  const fix = 'enable virtualization in the firmware or, in a virtual machine, nested virtualization'
  return { reason: `${reason}, and the processor reports no virtualization support`, fix }
}

/** Everything the answer depends on. Loading the module with other parameters recreates the device node. */
function circumstances(qemu: string): string {
  return [
    readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    qemu,
    statSync(qemu).mtimeMs,
    statSync(DEVICE).ctimeMs,
    process.getuid?.(),
  ].join(' ')
}
