import type { Client } from 'ssh2'
import type { Accelerator } from '../accelerator/accelerator.ts'
import type { Disposers } from '../lifetime/disposers.ts'
import type { Machine } from '../machine/start-machine.ts'
import type { Network } from '../network/network.ts'
import type { ResumeAgentPort } from '../template/identity/resume-agent.ts'
import type { Exec } from './commands.ts'
import type { Explain, Why } from './inspection/explain-failure.ts'
import type { RunState } from './power/run-state.ts'

/** What the parts of a guest's handle have in common. */
export interface GuestContext {
  readonly id: string
  readonly hostname: string
  readonly address: string
  readonly macAddress: string
  readonly network: Network
  readonly machine: Machine
  readonly agent: ResumeAgentPort
  readonly accel: Accelerator
  readonly runState: RunState
  /** Runs a command without recording it in the history. */
  readonly exec: Exec
  /** The client once the guest is ready, with the patience of a boot if it is booting. */
  readonly open: () => Promise<Client>
  readonly why: Why
  readonly explain: Explain
  readonly disposers: Disposers
}
