import type { Accelerator } from '../accelerator/accelerator.ts'
import type { Disposers } from '../lifetime/disposers.ts'
import type { Machine } from '../machine/start-machine.ts'
import type { Network } from '../network/network.ts'
import type { ResumeAgentPort } from '../template/identity/resume-agent.ts'
import type { CommandParts } from './commands.ts'
import type { Why } from './inspection/explain-failure.ts'
import type { RunState } from './power/run-state.ts'

/** What the parts of a guest's handle have in common. */
export interface GuestContext extends CommandParts {
  readonly hostname: string
  readonly address: string
  readonly macAddress: string
  readonly network: Network
  readonly machine: Machine
  readonly agent: ResumeAgentPort
  readonly accel: Accelerator
  readonly runState: RunState
  readonly why: Why
  readonly disposers: Disposers
}
