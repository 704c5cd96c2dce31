import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Those that take minutes under emulation, the longest first: a worker that comes to one of them last keeps everybody
 * waiting. vitest knows only after a first run which they are, and a fresh clone has had none.
 */
const SLOWEST = [
  'build-image',
  'plugin',
  'kinds',
  'template',
  'guide',
  'pools',
  'bad-boot',
  'evidence',
  'faults',
  'power',
  'files',
  'hanging',
  'guest',
  'hundred-networks',
  'vendor-image',
  'fresh',
  'host-network',
  'card-guest',
  'waits',
  'openssh',
  'several-guests',
  'dhcp-guest',
  'matchers',
  'e1000',
  'keep',
  'commands',
].map((name) => `${name}.test.ts`)

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const rank = ({ moduleId }: TestSpecification) => {
      const place = SLOWEST.indexOf(basename(moduleId))
      return place === -1 ? SLOWEST.length : place
    }
    // Which project comes first is settled.
    const isSlow = ({ project }: TestSpecification) => project.name === 'guests'
    const slow = sorted.filter(isSlow).toSorted((one, other) => rank(one) - rank(other))
    return sorted.map((each) => (isSlow(each) ? (slow.shift() as TestSpecification) : each))
  }
}
