import { testClonesOf } from '../support/vendor-disks/clones-of.ts'

// Downloaded, as such images most often are.
testClonesOf('netplan', { fromUrl: true })
