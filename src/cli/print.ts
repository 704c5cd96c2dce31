import { visible } from '../visible.ts'

/** All output of commands goes through here, because names and labels of guests may be untrusted. @returns the exit code 0 */
export function print(text: string): 0 {
  process.stdout.write(visible(text))
  return 0
}

export function printAside(text: string): void {
  process.stderr.write(visible(text))
}
