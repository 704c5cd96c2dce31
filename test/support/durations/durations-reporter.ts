import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** Writes the seconds of each test file, with hooks and imports: vitest's JSON report does not count a boot in `beforeAll`. */
export class DurationsReporter implements Reporter {
  readonly #path: string
  #vitest: Vitest | undefined

  /** @param path of the file that is written, below the root of the run */
  constructor(path: string) {
    this.#path = path
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const seconds = modules.map((module) => {
      const { duration, collectDuration } = module.diagnostic()
      return [module.relativeModuleId, Math.round((duration + collectDuration) / 100) / 10] as const
    })
    const path = `${this.#vitest?.config.root}/${this.#path}`
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${JSON.stringify(Object.fromEntries(seconds.toSorted(([, a], [, b]) => b - a)), null, 2)}\n`)
  }
}
