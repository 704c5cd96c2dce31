/** The progress of a transfer. */
export interface TransferProgress {
  /** Bytes transferred: the files' data without holes, plus about 512 per file for its name and permissions. */
  bytes: number
  /** Approximate total number of bytes; the final value of `bytes`. */
  totalBytes: number
  /** The path that is uploaded or downloaded, as it was passed. */
  path: string
}

/** Turns byte counts into progress; counts beyond the expected total are dropped. */
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
