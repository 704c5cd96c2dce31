import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const SECONDS = JSON.parse(readFileSync(new URL('seconds.json', import.meta.url), 'utf8')) as Record<string, number>

/** For a file that is not recorded yet. */
const UNKNOWN = 10

/** The longest file first: started last, it would delay the end of the run. */
export class SlowestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds = ({ moduleId }: TestSpecification) => SECONDS[relative(this.ctx.config.root, moduleId)] ?? UNKNOWN
    return Promise.resolve(files.toSorted((one, other) => seconds(other) - seconds(one)))
  }
}
