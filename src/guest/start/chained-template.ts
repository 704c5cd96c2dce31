import type { DiskFile } from '../../image/image.ts'
import type { Template } from '../../template/store.ts'

/** A template with its backing chain. */
export interface ChainedTemplate extends Template {
  /** What its disk is an overlay of. */
  readonly backing: DiskFile
  /** Whose disk that is, unless it is an image's. */
  readonly below?: ChainedTemplate | undefined
}
