import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A folder with vitest 4 and this package, as a user has them, and in folders of their own some projects of test/contract. */
export async function vitest4Project(...projects: string[]): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'vg-vitest-4-'))
  const dispose = () => rm(path, { recursive: true, force: true })
  try {
    await cp(join(ROOT, 'test/contract/vitest-4'), path, { recursive: true })
    await execa('npm', ['ci', '--no-audit', '--no-fund'], { cwd: path })
    const modules = join(path, 'node_modules')
    // Copied, as what a link leads to would find this repository's vitest; its dependencies are the same for all.
    for (const part of ['package.json', 'dist']) {
      await cp(join(ROOT, part), join(modules, 'vitest-guest', part), { recursive: true })
    }
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    const scopes = new Set(
      Object.keys(dependencies).flatMap((name) => (name.includes('/') ? [name.split('/')[0]] : [])),
    )
    for (const scope of scopes) await mkdir(join(modules, scope as string), { recursive: true })
    for (const name of Object.keys(dependencies)) {
      await symlink(join(ROOT, 'node_modules', name), join(modules, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      })
    }
    for (const project of projects) {
      const filter = (file: string) => basename(file) !== 'node_modules'
      await cp(join(ROOT, 'test/contract', project), join(path, project), { recursive: true, filter })
    }
    return { path, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}
