import { createHash } from 'node:crypto'
import { glob, readdir, stat } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { GuestError } from '../../errors.ts'
import { digestOf, stampOf } from '../../host/files/file-digest.ts'

interface Inputs {
  readonly inputs: readonly string[]
  /** What they are relative to. */
  readonly folder: string
}

const PATTERN = /[*?[{]/
const EXECUTABLE = 0o111

/** By path and stamp: a large file is not read again for each guest. */
const known = new Map<string, { readonly stamp: string; readonly digest: string }>()

/**
 * A digest of the content of files, of folders with all that is in them, and of what matches patterns; by their names there, not
 * by where they are on this host.
 * @throws GuestError for one that does not exist
 */
export async function inputsDigest({ inputs, folder }: Inputs, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for (const input of inputs) {
    for (const { name, path } of await filesOf(input, folder)) {
      const { mode } = await stat(path)
      const content = await contentOf(path, signal)
      hash.update(`${JSON.stringify(name)} ${(mode & EXECUTABLE) === 0 ? '-' : 'x'} ${content}\n`)
    }
    hash.update('\n')
  }
  return hash.digest('hex')
}

interface Named {
  readonly name: string
  readonly path: string
}

async function filesOf(input: string, folder: string): Promise<Named[]> {
  const path = resolve(folder, input)
  const facts = await stat(path).catch(() => undefined)
  if (facts) return facts.isDirectory() ? filesIn(path, path) : [{ name: basename(path), path }]
  const found: Named[] = []
  if (PATTERN.test(input)) {
    for await (const each of glob(input, { cwd: folder })) {
      const match = resolve(folder, each)
      if ((await stat(match)).isFile()) found.push({ name: relative(folder, match), path: match })
    }
  }
  if (found.length > 0) return sorted(found)
  throw new GuestError(`The input ${input} of a layer does not exist in ${folder}`, {
    option: 'inputs',
    path,
    hint: 'Inputs are files, folders, or patterns, relative to the working folder of the process. Was the file built before the tests?',
  })
}

async function filesIn(top: string, folder: string): Promise<Named[]> {
  const found: Named[] = []
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const facts = await stat(path).catch(() => undefined)
    if (facts?.isDirectory()) found.push(...(await filesIn(top, path)))
    else if (facts?.isFile()) found.push({ name: relative(top, path), path })
  }
  return sorted(found)
}

function sorted(files: Named[]): Named[] {
  return files.sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function contentOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  const stamp = await stampOf(path)
  const before = known.get(path)
  if (before?.stamp === stamp) return before.digest
  const digest = await digestOf(path, signal)
  known.set(path, { stamp, digest })
  return digest
}
