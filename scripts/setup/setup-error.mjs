/** Set-up cannot continue. Only the message is shown. */
export class SetupError extends Error {
  /** @param {string} message @param {NodeJS.Signals | null} [signal] the signal that ended the program, if one did */
  constructor(message, signal = null) {
    super(message)
    this.signal = signal
  }
}
