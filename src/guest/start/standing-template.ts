import type { DiskFile } from '../../image/image.ts'
import type { Template } from '../../template/store.ts'

/** A template with all that it stands on. */
export interface StandingTemplate extends Template {
  /** What its disk is an overlay of. */
  readonly backing: DiskFile
  /** Whose disk that is, unless it is an image's. */
  readonly below?: StandingTemplate | undefined
}
