import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest-guest'

const control = `Package: greet
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: says hello
`

/** Builds greet_1.0_all.deb on the host; returns its bytes. */
async function buildPackage(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'greet-'))
  try {
    const root = join(folder, 'root')
    await mkdir(join(root, 'DEBIAN'), { recursive: true })
    await mkdir(join(root, 'usr/bin'), { recursive: true })
    await writeFile(join(root, 'DEBIAN/control'), control)
    await writeFile(join(root, 'usr/bin/greet'), '#!/bin/sh\necho hello\n', { mode: 0o755 })
    const deb = join(folder, 'greet.deb')
    await promisify(execFile)('dpkg-deb', ['--root-owner-group', '--build', root, deb])
    return await readFile(deb)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test.beforeAll(async ({ guest }) => {
  await guest.writeFile('/root/greet.deb', await buildPackage())
  await guest.$`dpkg -i /root/greet.deb`
}, 120_000)

test('the package is installed, and works', async ({ guest }) => {
  await expect(guest).toHavePackage('greet', { version: '1.0' })
  await expect(guest).toHaveFile('/usr/bin/greet', { mode: 0o755, owner: 'root' })
  expect((await guest.$`greet`).stdout).toBe('hello')
})

test('a purge leaves nothing', async ({ guest }) => {
  await guest.$`dpkg --purge greet`
  await expect(guest).not.toHavePackage('greet')
  await expect(guest).not.toHaveFile('/usr/bin/greet')
})
