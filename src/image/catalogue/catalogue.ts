import type { VendorRelease } from '../../options/vendor-images.ts'
import { DEBIAN } from './debian.ts'
import type { Entry } from './entry.ts'
import { OTHERS } from './others.ts'
import { RED_HAT } from './red-hat.ts'
import { UBUNTU } from './ubuntu.ts'

/** The vendors' images; their names and the memory that they need are in src/options/vendor-images.ts. */
export const CATALOGUE: Readonly<Record<VendorRelease, Entry>> = { ...DEBIAN, ...UBUNTU, ...RED_HAT, ...OTHERS }
