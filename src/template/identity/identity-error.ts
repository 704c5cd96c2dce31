import { BootError } from '../../errors.ts'

/** The clone runs, but did not become the guest that it was to be: that one has to be booted. */
export class IdentityError extends BootError {
  /** @param lastSeen what the machine says of itself instead, or why */
  constructor(lastSeen: string) {
    super('The clone could not take the requested identity', { lastSeen })
  }
}
