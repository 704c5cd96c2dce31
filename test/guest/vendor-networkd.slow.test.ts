import { testClonesOf } from '../support/vendor-disks/clones-of.ts'

testClonesOf('systemd-networkd')
