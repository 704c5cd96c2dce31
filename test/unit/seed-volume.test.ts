import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HostError } from '../../src/errors.ts'
import { findTool } from '../../src/host/program/tools.ts'
import { makeCredentials } from '../../src/seed/credentials.ts'
import { metaData, writeSeed } from '../../src/seed/volume.ts'

const input = {
  hostname: 'guest',
  instanceId: 'i-1',
  nics: [{ macAddress: '52:54:00:12:34:56', addresses: ['192.168.100.224/24'] }],
  credentials: makeCredentials(),
  cloudConfig: { padding: 'x'.repeat(100_000) },
}

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seed-test-'))
  path = join(folder, 'seed.iso')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

describe.each(['xorriso', 'genisoimage', 'mkisofs'] as const)('by %s', (tool) => {
  const found = findTool(tool)

  test.skipIf(found === undefined)('is an ISO labelled CIDATA that holds the three documents', async () => {
    await onlyOnPath(found ?? '', tool)
    await writeSeed(input, path)
    const volume = await readFile(path)
    // ECMA-119, 8.4: the primary volume descriptor is in sector 16, its volume identifier 40 bytes into it.
    expect(volume.subarray(0x8001, 0x8006).toString()).toBe('CD001')
    expect(volume.subarray(0x8028, 0x8048).toString().trimEnd()).toBe('CIDATA')
    expect(volume.includes(metaData(input))).toBe(true)
    // The names as Rock Ridge has them; the plain ones are cut to META_DAT.;1.
    for (const name of ['user-data', 'meta-data', 'network-config']) expect(volume.includes(name)).toBe(true)
  })
})

test('is for its owner alone, and nothing else is left', async () => {
  await writeSeed(input, path)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['seed.iso'])
})

test('replaces an older one', async () => {
  await writeFile(path, 'older')
  await writeSeed(input, path)
  expect((await stat(path)).size).toBeGreaterThan(100_000)
})

test.skipIf(findTool('xorriso') === undefined)('is read back whole by xorriso', async () => {
  await writeSeed(input, path)
  const copy = join(folder, 'copy')
  execFileSync('xorriso', ['-osirrox', 'on', '-indev', path, '-extract', '/', copy], { stdio: 'ignore' })
  expect((await readdir(copy)).sort()).toEqual(['meta-data', 'network-config', 'user-data'])
  expect(await readFile(join(copy, 'user-data'), 'utf8')).toContain(input.cloudConfig.padding)
})

test('needs a program that writes ISO volumes', async () => {
  vi.stubEnv('PATH', folder)
  const error = await writeSeed(input, path).catch((reason: unknown) => reason)
  // Debian has them in /usr/bin only; where one is in /usr/sbin too, it is found all the same.
  if (findTool('xorriso') ?? findTool('genisoimage') ?? findTool('mkisofs')) return
  expect(error).toBeInstanceOf(HostError)
  expect(error).toMatchObject({ hint: expect.stringContaining('apt-get install xorriso') as unknown })
  expect(await readdir(folder)).toEqual([])
})

test('leaves nothing when it is ended before', async () => {
  const reason = new Error('enough')
  await expect(writeSeed(input, path, AbortSignal.abort(reason))).rejects.toBe(reason)
  expect(await readdir(folder)).toEqual([])
})

test('tells what the program said when it fails, and leaves nothing', async () => {
  await writeFile(join(folder, 'xorriso'), '#!/bin/sh\necho "no space left" >&2\nexit 5\n', { mode: 0o755 })
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`)
  const error = await writeSeed(input, path).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(HostError)
  expect(error).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('no space left') as unknown })
  expect(await readdir(folder)).toEqual(['xorriso'])
})

async function onlyOnPath(program: string, name: string): Promise<void> {
  const tools = join(folder, 'tools')
  await mkdir(tools)
  await symlink(program, join(tools, name))
  vi.stubEnv('PATH', tools)
}
