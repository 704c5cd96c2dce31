/**
 * The result of one check. `missing`: no guest can boot without it. `degraded`: guests boot, but slowly, or on a network of
 * another kind, or the default image cannot be built.
 */
export interface Capability {
  readonly name: string
  readonly state: 'ok' | 'degraded' | 'missing'
  /** What is there, e.g. a version and a path. */
  readonly found: string
  /** What it is for or, if it is missing, what cannot be done. */
  readonly means: string
  /** The command that fixes it. */
  readonly fix?: string
}
