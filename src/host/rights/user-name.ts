import { userInfo } from 'node:os'

/** This user's name; undefined for a user id without a line in /etc/passwd, as in many containers. */
export function userName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}
