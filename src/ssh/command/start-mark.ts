import { randomBytes } from 'node:crypto'
import { AfterStart } from './after-start.ts'

/** Tells, in the streams of a shell, where the output of what it was asked for begins. */
export interface StartMark {
  /** A shell's command that writes the mark to both streams, with its pid and these words of it. */
  say(words?: string): string
  /** Takes the mark, and what came before, out of one of them. */
  cut(onStart?: (pid: number, words: string) => void): AfterStart
}

/**
 * sshd has the login shell run what it is given, and bash reads its start-up files even then (Debian's SSH_SOURCE_BASHRC), which
 * may write anything. The mark is unpredictable.
 */
export function startMark(): StartMark {
  const nonce = randomBytes(12).toString('hex')
  return {
    say: (words = '') => {
      const echo = `echo "${nonce} $$ ${words}"`
      return `${echo}; ${echo} >&2`
    },
    cut: (onStart) => new AfterStart(nonce, onStart),
  }
}

/** Bytes that `say()` has. */
export const SAYING_BYTES = startMark().say().length
