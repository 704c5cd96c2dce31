import { HostError } from '../errors.ts'
import type { Capability } from './capability.ts'
import { whyUnopenable } from '../host/rights/device.ts'
import { findKvmFault } from '../accelerator/kvm.ts'
import { messageOf } from '../host/message-of.ts'
import { explainNamespaceFailure, namespaceFlags, needsUserNamespace } from '../host/rights/namespaces.ts'
import { run } from '../host/program/run.ts'
import { findTool } from '../host/program/tools.ts'
import { DEVICE as TUN, tunFault } from '../host/rights/tun.ts'

/** Milliseconds; creating namespaces takes about 10. */
const BUDGET = 5000

const BRIDGE_AND_TAP = [
  'link add name br0 type bridge',
  'tuntap add dev tap0 mode tap',
  'link set dev tap0 master br0',
  'link set dev tap0 up',
]

/** Whether QEMU can use KVM; always tested, never remembered. */
export async function probeKvm(): Promise<Capability> {
  const name = 'KVM'
  const means = 'guests are emulated: booting takes about a minute, and every time limit is ten times as long'
  if (findTool('qemu-system-x86_64') === undefined) {
    return { name, state: 'degraded', found: 'unknown without QEMU', means: 'not tested' }
  }
  const fault = await findKvmFault({ afresh: true })
  return fault === undefined
    ? { name, state: 'ok', found: '/dev/kvm runs 64-bit code', means: 'guests run at full speed' }
    : { name, state: 'degraded', found: fault.reason, means, fix: fault.fix }
}

export function probeTun(): Capability {
  const code = whyUnopenable(TUN)
  if (code === undefined) return { name: 'TUN', state: 'ok', found: TUN, means: 'TAPs can be created' }
  const { what, fix } = tunFault(code)
  const [found = what, means = 'no TAP can be created'] = what.split(': ')
  return { name: 'TUN', state: 'degraded', found, means, fix }
}

/** Creates namespaces like a private network's, with a bridge and a TAP, and removes them at once. */
export async function probeNamespaces(): Promise<Capability[]> {
  const kinds = needsUserNamespace() ? 'user, network and PID' : 'network and PID'
  const found = `${kinds}, tested`
  const ours: Capability = { name: 'namespaces', state: 'ok', found, means: 'networks can be private' }
  const unshare = findTool('unshare')
  if (unshare === undefined) {
    return [{ ...ours, state: 'degraded', found: 'unknown without unshare', means: 'not tested' }]
  }
  const inside = (command: string[], input?: string) =>
    run(unshare, [...namespaceFlags(), '--', ...command], { timeoutMs: BUDGET, ...(input !== undefined && { input }) })
  try {
    await inside(['true'])
  } catch (error) {
    const { message, hint } = explainNamespaceFailure(error instanceof HostError ? (error.stderr ?? '') : '')
    return [{ ...ours, state: 'degraded', found: message, means: 'no private network can be created', fix: hint }]
  }
  const ip = findTool('ip')
  if (ip === undefined || whyUnopenable(TUN) !== undefined) return [ours]
  return [ours, await probeBridge(() => inside([ip, '-batch', '-'], `${BRIDGE_AND_TAP.join('\n')}\n`))]
}

async function probeBridge(make: () => Promise<unknown>): Promise<Capability> {
  const name = 'bridge and TAP'
  try {
    await make()
    return { name, state: 'ok', found: 'tested in their own namespace', means: 'guests can reach one another' }
  } catch (error) {
    const stderr = error instanceof HostError ? error.stderr?.trim().split('\n')[0] : undefined
    const means = 'neither private nor host networks can be created'
    return { name, state: 'degraded', found: stderr ?? messageOf(error), means, fix: 'sudo modprobe --all bridge tun' }
  }
}
