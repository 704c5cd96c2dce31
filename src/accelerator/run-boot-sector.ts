import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HostError } from '../errors.ts'
import type { Accelerator } from './accelerator.ts'
import { BOOT_SECTOR, LONG_MODE_REACHED } from './boot-sector.ts'
import { run } from '../host/program/run.ts'
import { makePrivateFolder } from '../host/files/private-folder.ts'
import { newStateFolder } from '../host/files/state-folder.ts'

/** Milliseconds. A working KVM takes about 0.1 s; a broken one may hang for ever. */
const LIMIT = { kvm: 2000, tcg: 20_000 } as const

/**
 * Runs 64-bit code in a temporary QEMU, with the processor our guests get. Returns why that failed, or undefined. QEMU ends with
 * this process, and leaves no file.
 */
export async function runBootSector(
  qemu: string,
  accel: Accelerator,
  signal?: AbortSignal,
): Promise<string | undefined> {
  // prettier-ignore
  const args = [
    '-no-user-config', '-nodefaults',
    '-display', 'none',
    // q35 has no floppy, the only drive that takes a disk of one sector read-only.
    '-machine', 'pc',
    '-accel', accel,
    '-cpu', accel === 'kvm' ? 'host' : 'max',
    '-m', 'size=16M',
    '-no-reboot',
    '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04',
    '-drive', 'file=/dev/stdin,format=raw,readonly=on,if=floppy',
  ]
  const timeoutMs = LIMIT[accel]
  const sector = openUnlinked(BOOT_SECTOR)
  try {
    await run(qemu, args, { stdin: sector, timeoutMs, killSignal: 'SIGKILL', signal })
    return 'QEMU stopped before its guest reached 64-bit code'
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof HostError)) throw error
    if (error.exitCode === LONG_MODE_REACHED) return undefined
    return `${whatHappened(error, timeoutMs)}${quoteQemu(error.stderr)}`
  } finally {
    closeSync(sector)
  }
}

function whatHappened({ exitCode, signal, message }: HostError, timeoutMs: number): string {
  if (exitCode !== undefined) return `QEMU failed with exit code ${exitCode}`
  // Only the limit sends it; QEMU's own failures are SIGABRT.
  if (signal === 'SIGKILL') return `no answer within ${timeoutMs / 1000} s`
  return signal === undefined ? (message.split('\n')[0] ?? message) : `QEMU was killed by ${signal}`
}

function quoteQemu(stderr = ''): string {
  const line = stderr.split('\n').find((each) => /error|fail|could not|cannot|abort|denied|invalid/i.test(each))
  return line === undefined ? '' : ` (QEMU: ${line.replace(/^\S*qemu-system-\w+: /, '').trim()})`
}

/** An unnamed file: it disappears with its last descriptor. QEMU reopens it through /dev/stdin. */
function openUnlinked(content: Buffer): number {
  // If this process is killed here, the folder is swept like other state folders.
  const folder = newStateFolder()
  makePrivateFolder(folder)
  try {
    const path = join(folder, 'sector')
    writeFileSync(path, content, { mode: 0o600 })
    return openSync(path, 'r')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
