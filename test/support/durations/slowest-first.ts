import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const SECONDS = JSON.parse(readFileSync(new URL('seconds.json', import.meta.url), 'utf8')) as Record<string, number>

/** A file that is not recorded yet. */
const UNKNOWN = 10

/** The longest file first: a worker that comes to it last keeps everybody waiting. */
export class SlowestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds = ({ moduleId }: TestSpecification) => SECONDS[relative(this.ctx.config.root, moduleId)] ?? UNKNOWN
    return Promise.resolve(files.toSorted((one, other) => seconds(other) - seconds(one)))
  }
}
