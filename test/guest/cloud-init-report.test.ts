import { afterAll, beforeAll, expect, test } from 'vitest'
import { askCloudInit } from '../../src/guest/boot/cloud-init.ts'
import { bootGuest, type Guest } from '../../src/index.ts'

let guest: Guest
beforeAll(async () => {
  guest = await bootGuest()
})
afterAll(() => guest[Symbol.asyncDispose]())

const ask = (keys: string[], modules: string[] = []) =>
  askCloudInit(guest.ssh, keys, modules, AbortSignal.timeout(60_000))

/** Keys of every kind: of a module, of the base, of apt before its schema, and an unknown one. */
const KNOWN = ['write_files', 'runcmd', 'users', 'ssh_pwauth', 'output', 'merge_how', 'apt_sources', 'x-mine', 'locale']

test('cloud-init reports only unknown keys', async () => {
  expect(await ask([...KNOWN, 'write_file', 'hostnam'])).toMatchObject({
    unknown: ['write_file', 'hostnam'],
    known: expect.arrayContaining(['write_files', 'hostname']) as string[],
    schema: '',
  })
})

test('a failed module is reported with its keys in the cloud-config', async () => {
  const { modules } =
    (await ask(['runcmd', 'packages', 'write_files'], ['scripts_user', 'write-files', 'locale'])) ?? {}
  expect(modules).toEqual({ scripts_user: ['runcmd'], 'write-files': ['write_files'], locale: [] })
})

test('only the last lines of its logs are reported, limited in size, whatever they contain', async () => {
  await guest.exec(`
    for i in $(seq 30); do echo "2026 - x.py[WARNING]: line $i"; done >>/var/log/cloud-init.log
    printf 'x.py[ERROR]: \\033]0;title\\007 %09000d\\n' 1 >>/var/log/cloud-init.log
    printf 'the last\\n' >>/var/log/cloud-init-output.log`)
  const { log = [], output = [] } = (await ask(['runcmd'])) ?? {}
  expect(log).toHaveLength(10)
  expect(log.at(-2)).toBe('2026 - x.py[WARNING]: line 30')
  expect(log.at(-1)).toMatch(/^x\.py\[ERROR\]: .*title.* 0+$/)
  expect(log.at(-1)?.length).toBeLessThanOrEqual(400)
  expect(output.at(-1)).toBe('the last')
})

test('a guest that answers with something else is not asked again', async () => {
  await guest.exec(`mv /usr/bin/python3 /usr/bin/python3.real
    printf '#!/bin/sh\\necho "{\\"log\\": 7}"\\n' >/usr/bin/python3; chmod +x /usr/bin/python3`)
  expect(await ask(['runcmd'])).toBeUndefined()
})
