import { badOption } from '../errors/bad-option.ts'

/** Bytes. PAM's limit (PAM_MAX_RESP_SIZE is 512, with the NUL); the hash also takes longer for longer ones. */
const LONGEST = 511
const HINT = 'Omit it to get a random one, available as guest.rootPassword.'

/** @throws GuestError for a password that cannot be used to log in */
export function checkPassword(password: unknown): string | undefined {
  if (password === undefined) return undefined
  if (typeof password !== 'string' || password === '')
    throw badOption('rootPassword', 'a non-empty string', password, HINT)
  const length = Buffer.byteLength(password)
  if (length > LONGEST) throw badOption('rootPassword', `at most ${LONGEST} bytes long`, `${length} bytes`, HINT)
  if (password.includes('\0'))
    throw badOption('rootPassword', 'a string without NUL characters', 'a string with one', HINT)
  return password
}
