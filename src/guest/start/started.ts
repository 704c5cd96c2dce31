import type { Credentials } from '../../seed/credentials.ts'
import type { ResumeAgentPort } from '../../template/identity/resume-agent.ts'
import type { Interface } from '../network/interface.ts'
import type { Booted } from './boot-machine.ts'

export interface Started extends Omit<Booted, 'cardNames'> {
  readonly start: 'warm' | 'cold'
  readonly agent: ResumeAgentPort
  readonly credentials: Credentials
  readonly macAddress: string
  readonly interfaces: readonly Interface[]
  /** Our lines in its /etc/hosts. */
  readonly hosts?: string | undefined
}
