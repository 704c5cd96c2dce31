import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { afterEach, expect, test, vi } from 'vitest'
import { BOOT_SECTOR, LONG_MODE_REACHED } from '../../src/accelerator/boot-sector.ts'
import { runBootSector } from '../../src/accelerator/run-boot-sector.ts'
import { requireTool } from '../../src/host/program/tools.ts'
import { commandLineOf } from '../support/processes.ts'
import { evaluationCommand } from './support/node.ts'
import { standIn, temporaryFolder } from './support/temporary-folder.ts'

afterEach(() => void vi.unstubAllEnvs())

const QEMU = 'qemu-system-x86_64'

test('a BIOS can boot the sector', () => {
  expect(BOOT_SECTOR).toHaveLength(512)
  expect(BOOT_SECTOR.readUInt16LE(510)).toBe(0xaa55)
})

test('a working processor reaches 64-bit code, and no file remains', async () => {
  const folder = temporaryFolder()
  vi.stubEnv('TMPDIR', folder)
  expect(await runBootSector(requireTool(QEMU), 'tcg')).toBeUndefined()
  expect(readdirSync(folder)).toEqual([])
})

test('QEMU gets the sector, and its exit code decides', async () => {
  const isSector = `[ "$(wc -c < /dev/stdin)" = 512 ] || exit 1`
  expect(await runBootSector(standIn(QEMU, `${isSector}; exit ${LONG_MODE_REACHED}`), 'kvm')).toBeUndefined()
  expect(await runBootSector(standIn(QEMU, `${isSector}; exit 87`), 'kvm')).toBe('QEMU failed with exit code 87')
  expect(await runBootSector(standIn(QEMU, 'exit 0'), 'kvm')).toMatch('stopped before its guest reached 64-bit code')
})

test("the reason contains QEMU's own words", async () => {
  const qemu = standIn(
    QEMU,
    `echo 'qemu-system-x86_64: warning: something else' >&2
     echo 'qemu-system-x86_64: error: failed to set MSR 0x48e to 0xfff9fffe04006172' >&2
     kill -ABRT $$`,
  )
  expect(await runBootSector(qemu, 'kvm')).toBe(
    'QEMU was killed by SIGABRT (QEMU: error: failed to set MSR 0x48e to 0xfff9fffe04006172)',
  )
})

test('a processor that hangs is given up after 2 s', async () => {
  const start = performance.now()
  expect(await runBootSector(standIn(QEMU, 'trap "" TERM; while :; do sleep 0.1; done'), 'kvm')).toBe(
    'no answer within 2 s',
  )
  // Under emulation it would have 20 s.
  expect(performance.now() - start).toBeLessThan(10_000)
})

test('an abort signal ends it at once, with its reason', async () => {
  const start = performance.now()
  const reason = new Error('enough')
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 200)
  await expect(runBootSector(standIn(QEMU, 'exec sleep 60'), 'tcg', controller.signal)).rejects.toBe(reason)
  // Without the signal this would take 20 s.
  expect(performance.now() - start).toBeLessThan(10_000)
})

test('QEMU ends with its owner, however that ends', async () => {
  const folder = temporaryFolder()
  const qemu = standIn(QEMU, `echo $$ > ${folder}/pid; exec sleep 60`)
  const [file, ...args] = evaluationCommand('accelerator/run-boot-sector.ts', `m.runBootSector('${qemu}', 'kvm')`)
  const owner = execa(file, args, { reject: false })
  await expect.poll(() => readdirSync(folder)).toContain('pid')
  await sleep(100)
  const { stdout: pid } = await execa('cat', [`${folder}/pid`])
  owner.kill('SIGKILL')
  await owner
  await expect.poll(() => commandLineOf(Number(pid))).toBe('')
})
