import { fileURLToPath } from 'node:url'
import { execa, type Result } from 'execa'

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

/** Runs `vitest-guest` in a separate process; failure is a result like any other. */
export function runCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  prefix: readonly string[] = [],
): Promise<Result> {
  const [file = process.execPath, ...rest] = [...prefix, process.execPath, MAIN, ...args]
  return execa(file, rest, { reject: false, stdin: 'ignore', env: { ...ofATerminalless(), ...env } }) as Promise<Result>
}

/** Awaits `expression`, which may use the exports of `module` (below src/), in a separate process; prints its JSON. */
export function evaluationCommand(module: string, expression: string): [string, ...string[]] {
  const url = new URL(`../../../src/${module}`, import.meta.url).href
  const program = `import * as m from '${url}'
    const value = await (async () => ${expression})().catch(({ name, message, hint }) => ({ name, message, hint }))
    console.log(JSON.stringify(value ?? null))`
  return [process.execPath, '--input-type=module', '--eval', program]
}

/** vitest sets FORCE_COLOR for its workers. */
function ofATerminalless(): NodeJS.ProcessEnv {
  return { FORCE_COLOR: undefined, NO_COLOR: undefined }
}
