import { testClonesOf } from '../support/vendor-disks/clones-of.ts'

testClonesOf('netplan-sid')
