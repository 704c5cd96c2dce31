/** What a machine boots. The disk is never written to: guests have overlays. */
export interface Image {
  /** No other files than these are opened for it. */
  readonly disk: DiskFile
  /** Bytes of the disk, as a guest sees it. */
  readonly size: number
  /** Identifies the content. A user's disk is read for it, if it is new or its size or times have changed. */
  readonly digest: (signal?: AbortSignal) => Promise<string>
  /** Reads all of it, before a template is built on it. @throws ImageError when it does not match its digest */
  readonly verify: (signal?: AbortSignal) => Promise<void>
  /** `'debian-12'`, `'debian-12 + nginx'`, or the path: for messages. */
  readonly label: string
  /** Present when the kernel is booted directly, without boot loader. */
  readonly direct?: DirectBoot
}

/** A disk file, possibly with a backing file. */
export interface DiskFile {
  /** Absolute. */
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  /** Holds what this file does not. */
  readonly backing?: DiskFile
}

export interface DirectBoot {
  readonly kernel: string
  readonly initrd: string
  /** The kernel command line, e.g. `root=/dev/vda rw console=ttyS0`. */
  readonly append: string
}

/** Called with lines of text about the progress of a long step. */
export type Progress = (line: string) => void
