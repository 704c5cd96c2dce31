import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openNetwork, type Network } from '../../src/index.ts'
import { startMachine, type Machine } from '../../src/machine/start-machine.ts'
import { FreezeError, freeze } from '../../src/template/freeze.ts'
import { commandLineOf, processIds } from '../support/processes.ts'
import { LIMITS } from '../support/time-limits.ts'

// A machine without anything to boot can be frozen too.
let folder: string
let network: Network
let machine: Machine

beforeEach(async () => {
  network = await openNetwork({ kind: 'user' })
  folder = await mkdtemp(join(tmpdir(), 'vg-freeze-'))
  await writeFile(join(folder, 'seed'), Buffer.alloc(512))
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', join(folder, 'disk'), '1M'])
  machine = await startMachine(
    {
      name: 'nothing',
      accel: 'tcg',
      memoryMib: 16,
      cpus: 1,
      disk: { path: join(folder, 'disk'), format: 'qcow2', writable: true },
      seed: join(folder, 'seed'),
      nics: [],
      memoryFile: { path: join(folder, 'memory'), shared: true },
    },
    { network },
  )
})
afterEach(async () => {
  await machine[Symbol.asyncDispose]()
  await network[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const target = () => ({ state: join(folder, 'state'), stateFolder: network.stateFolder })

test('the state is in its file once QEMU has ended', async () => {
  await freeze(machine, target(), AbortSignal.timeout(LIMITS.patient))
  expect(machine.exit).toMatchObject({ exitCode: 0 })
  expect((await stat(join(folder, 'state'))).size).toBeGreaterThan(1000)
})

test('what QEMU says of a device that blocks migration is in the error', async () => {
  await machine.qmp.execute('blockdev-add', { driver: 'vvfat', 'node-name': 'fat', dir: '.', rw: true })
  const freezing = freeze(machine, target(), AbortSignal.timeout(LIMITS.patient))
  await expect(freezing).rejects.toThrow(FreezeError)
  await expect(freezing).rejects.toThrow(/^The guest cannot be frozen: .*vvfat/)
})

test('a QEMU that stands still is not waited for longer than the signal says', async () => {
  const qemu = processIds().find((pid) => /^\S*qemu/.test(commandLineOf(pid)) && commandLineOf(pid).includes(folder))
  process.kill(qemu as number, 'SIGSTOP')
  const late = new Error('too late')
  const controller = new AbortController()
  setTimeout(() => controller.abort(late), 300)
  await expect(freeze(machine, target(), controller.signal)).rejects.toBe(late)
  expect(machine.exit).toBeUndefined()
})
