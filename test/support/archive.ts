/** A member of a tar archive, possibly malicious. */
export interface Member {
  name: string
  /** @default 'file' */
  type?: keyof typeof TYPES
  /** @default 0o644 */
  mode?: number
  data?: string
  /** The target of a symlink or hard link. */
  link?: string
}

const TYPES = { file: '0', hardLink: '1', symlink: '2', device: '3', folder: '5', pipe: '6' } as const
const BLOCK = 512

/** A tar archive (ustar) with any members, valid or not. */
export function archive(members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(member), Buffer.alloc(2 * BLOCK)])
}

function member({ name, type = 'file', mode = 0o644, data = '', link = '' }: Member): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0)
  const numbers: [number, number, number][] = [
    [mode, 100, 7],
    [0, 108, 7],
    [0, 116, 7],
    [data.length, 124, 11],
    [1_700_000_000, 136, 11],
    [1, 329, 7],
    [3, 337, 7],
  ]
  for (const [number, at, digits] of numbers) header.write(number.toString(8).padStart(digits, '0'), at)
  header.write(TYPES[type], 156)
  header.write(link, 157)
  header.write('ustar\x0000', 257)
  header.write(' '.repeat(8), 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const content = Buffer.alloc(Math.ceil(data.length / BLOCK) * BLOCK)
  content.write(data, 'latin1')
  return Buffer.concat([header, content])
}
