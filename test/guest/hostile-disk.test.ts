import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, ImageError, openNetwork, type Network } from '../../src/index.ts'
import { FILE_FD } from '../../src/machine/command-line.ts'
import { startMachine } from '../../src/machine/start-machine.ts'

const MEBIBYTE = 1024 * 1024

let folder: string
let secret: string
let disk: string
let network: Network

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-hostile-'))
  secret = join(folder, 'secret')
  disk = join(folder, 'disk.qcow2')
  // A boot sector could print what the backing file contains.
  await writeFile(secret, Buffer.alloc(MEBIBYTE, 'a secret of the host\n'), { mode: 0o600 })
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', secret, disk])
  await writeFile(join(folder, 'seed'), Buffer.alloc(512))
  network = await openNetwork({ kind: 'user' })
})
afterAll(async () => {
  await network[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

test('a disk that names a file of the host is refused before anything starts', async () => {
  const phases: string[] = []
  const booting = bootGuest({ image: { path: disk }, network: 'user', onPhase: ({ name }) => phases.push(name) })
  await expect(booting).rejects.toThrow(ImageError)
  await expect(booting).rejects.toThrow(`has the backing file ${secret} on this host, which is refused`)
  expect(phases).not.toContain('qemu')
  expect(phases).not.toContain('template')
})

test("QEMU does not read a file that only a disk's header names, even if the header changed after inspection", async () => {
  await using machine = await startMachine(
    {
      name: 'hostile',
      accel: 'tcg',
      memoryMib: 16,
      cpus: 1,
      disk: { path: disk, format: 'qcow2' },
      seed: join(folder, 'seed'),
      nics: [],
    },
    { network },
  )
  const nodes = (await machine.qmp.execute('query-named-block-nodes')) as { drv: string; file: string }[]
  const opened = nodes.filter(({ drv }) => drv === 'file').map(({ file }) => file)
  expect(opened).toContain(`/dev/fdset/${FILE_FD.disk}`)
  expect(opened.filter((file) => !file.startsWith('/dev/fdset/'))).toEqual([])
})
