/** What a machine boots. The disk is only ever read: guests write to overlays of their own. */
export interface Image {
  /** Absolute path. */
  readonly disk: string
  readonly format: 'qcow2' | 'raw'
  /** Identifies the content: the recipe's key for a built image; for a user's disk of its path, size, time and inode. */
  readonly digest: string
  /** `'debian-12'`, `'debian-12 + nginx'`, or the path: for messages. */
  readonly label: string
  /** Present when the kernel is booted directly, without boot loader. */
  readonly direct?: DirectBoot
}

export interface DirectBoot {
  readonly kernel: string
  readonly initrd: string
  /** The kernel command line, e.g. `root=/dev/vda rw console=ttyS0`. */
  readonly append: string
}

/** Is told, in plain lines, what a long step is at. */
export type Progress = (line: string) => void
