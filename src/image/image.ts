/** What a machine boots. The disk is only ever read: guests write to overlays of their own. */
export interface Image {
  /** Nothing is opened for it but the files that stand here. */
  readonly disk: DiskFile
  /** Bytes of the disk, as a guest sees it. */
  readonly size: number
  /** Identifies the content. A user's disk that is new, or that has another size or time than before, is read through for it. */
  readonly digest: (signal?: AbortSignal) => Promise<string>
  /** Reads it through before something is built upon it. @throws ImageError when it is not what its digest says */
  readonly verify: (signal?: AbortSignal) => Promise<void>
  /** `'debian-12'`, `'debian-12 + nginx'`, or the path: for messages. */
  readonly label: string
  /** Present when the kernel is booted directly, without boot loader. */
  readonly direct?: DirectBoot
}

/** A file that is a disk, or what of one was written after the file below it. */
export interface DiskFile {
  /** Absolute. */
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  /** Has what this file has not. */
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
