/** How far a transfer is. */
export interface TransferProgress {
  /** Bytes that have gone over: what the files hold, holes left out, and some 512 for each file's name and permissions. */
  bytes: number
  /** About what there is to transfer; `bytes` ends there. */
  totalBytes: number
  /** What is uploaded or downloaded, as it was named. */
  path: string
}

/** Turns counts into progress; a count beyond what was expected is no news. */
export function progress(
  path: string,
  totalBytes: Promise<number>,
  tell: ((progress: TransferProgress) => void) | undefined,
): { onBytes: (bytes: number) => void; finish: () => Promise<void> } {
  if (!tell) return { onBytes: () => {}, finish: () => Promise.resolve() }
  let total: number | undefined
  totalBytes.then((bytes) => (total = bytes)).catch(() => {})
  return {
    onBytes: (bytes) => {
      if (total !== undefined && bytes < total) tell({ bytes, totalBytes: total, path })
    },
    finish: async () => {
      const bytes = await totalBytes
      tell({ bytes, totalBytes: bytes, path })
    },
  }
}
