/** Runs a sandbox's `/script` with Perl, and prints its output. Arguments: the sandbox's files as JSON, and the script's own. */
import { runInSandbox } from '../../../src/host/program/sandbox.ts'

const [files = '{}', ...words] = process.argv.slice(2)
const sandbox = { files: JSON.parse(files) as Record<string, string>, fileLimit: 0 }
process.stdout.write(await runInSandbox('/usr/bin/perl', ['/script', ...words], sandbox))
