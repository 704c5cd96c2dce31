import { statfs } from 'node:fs/promises'

const BETWEEN_LOOKS = 1000
/** Bytes; with less, no package can be unpacked. */
const FULL = 1024 * 1024

/** Reports when the file system of a folder is full. Not every program ends then: apt (2.6) may wait for ever. */
export function watchSpace(folder: string, onFull: () => void): Disposable {
  const look = async () => {
    if (await isFull(folder)) onFull()
  }
  const timer = setInterval(() => void look(), BETWEEN_LOOKS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** Whether the file system is full; false if that cannot be determined. */
export async function isFull(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize < FULL
  } catch {
    return false
  }
}
