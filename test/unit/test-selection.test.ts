import { expect, test } from 'vitest'
import { selectTests } from '../../scripts/setup/test-selection.mjs'

const ROOT = new URL('../..', import.meta.url).pathname
const FAST = { options: ['--project=!slow', '--project=!chaos'], image: false }

test.for([
  ['nothing', [], FAST],
  ['an option', ['--reporter=verbose', '--bail=1'], FAST],
  ["an option's value that is in no path", ['--reporter', 'verbose'], FAST],
  ['unit tests', ['test/unit'], { options: [], image: false }],
  ['a file', ['test/guest/commands.test.ts'], { options: [], image: true }],
  ['a file of the slow tier', ['./test/guest/vendor-netplan.slow.test.ts'], { options: [], image: true }],
  ['a part of a name', ['vendor-netplan'], { options: [], image: true }],
  ['a file and a line', ['test/unit/options.test.ts:12'], { options: [], image: false }],
  ['a project', ['--project=unit'], { options: [], image: false }],
] as const)('npm test with %s', ([, args, expected]) => {
  expect(selectTests(ROOT, args)).toEqual(expected)
})
