import { oneLine } from '../../ssh/command/exec-errors.ts'
import { visible } from '../../visible.ts'

/** Characters of a line that are told; a guest's may have any number. */
const LONGEST = 200
/** Lines of one command that are told. */
const MOST = 200

/** Tells of the commands of a layer's function as they run, and what they write, line by line. */
export function outputLines(name: string, onProgress: (line: string) => void) {
  const tell = (text: string) => onProgress(`layer ${name}: ${visible(shortened(text))}`)
  return (command: string): ((chunk: Buffer) => void) => {
    tell(`$ ${oneLine(command)}`)
    let rest = ''
    let told = 0
    return (chunk) => {
      if (told > MOST) return
      const lines = (rest + chunk.toString()).split(/\r\n|[\r\n]/)
      // Of a line that does not end, the beginning is enough.
      rest = (lines.pop() ?? '').slice(0, LONGEST + 1)
      for (const line of lines) {
        if (line.trim() === '') continue
        if (++told > MOST) return tell(`  | … further output is not shown`)
        tell(`  | ${line.trimEnd()}`)
      }
    }
  }
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text
}
