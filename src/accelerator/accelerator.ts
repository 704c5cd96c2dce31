import { HostError } from '../errors.ts'
import { findKvmFault } from './kvm.ts'

export type Accelerator = 'kvm' | 'tcg'

export interface AcceleratorChoice {
  readonly accel: Accelerator
  readonly reason: string
}

/**
 * Uses KVM if it actually runs 64-bit code, otherwise emulation. The first call after a boot of the host may take 2 s,
 * later ones no time.
 *
 * @throws HostError when KVM is requested but does not work, and when QEMU is needed to find out but missing;
 * the signal's reason when aborted
 */
export async function chooseAccelerator(
  wish: 'auto' | 'kvm' | 'tcg',
  signal?: AbortSignal,
): Promise<AcceleratorChoice> {
  signal?.throwIfAborted()
  if (wish === 'tcg') return { accel: 'tcg', reason: 'emulation was requested' }
  const fault = await findKvmFault({ signal })
  if (fault === undefined) return { accel: 'kvm', reason: '/dev/kvm runs 64-bit code' }
  if (wish === 'auto') return { accel: 'tcg', reason: fault.reason }
  throw new HostError(`KVM was requested but does not work: ${fault.reason}`, {
    option: 'accel',
    hint: `Fix: ${fault.fix}. Or set accel: 'auto' to emulate where KVM does not work.`,
  })
}

/** The factor for time budgets: emulation takes about ten times as long as KVM. */
export function budgetFactor(accel: Accelerator): number {
  return accel === 'kvm' ? 1 : 10
}
