import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { namespaceFlags } from '../src/host/rights/namespaces.ts'
import { requireTool } from '../src/host/program/tools.ts'
import type { Image } from '../src/image/resolve-image.ts'
import type { MachineConfig } from '../src/machine/command-line.ts'
import { readManifest } from '../src/template/store.ts'

const SCRIPT = fileURLToPath(new URL('./floor.mjs', import.meta.url))

export interface Floor extends AsyncDisposable {
  /** Milliseconds from starting QEMU to a connected client; bridge and TAP exist already. */
  round(): Promise<number>
}

/** The minimum for a clone of this template. One process runs all rounds, so that its code is as warm as ours. */
export async function openFloor(template: string, image: Image, accel: 'kvm' | 'tcg'): Promise<Floor> {
  const { cards, memoryMib } = await readManifest(template)
  const config: MachineConfig = {
    name: 'guest',
    accel,
    memoryMib,
    cpus: 2,
    disk: { path: join(template, 'disk.qcow2'), format: 'qcow2', backing: image.disk },
    direct: image.direct,
    seed: join(template, 'seed.iso'),
    nics: [
      {
        model: 'virtio-net-pci',
        macAddress: cards[0]?.macAddress ?? '',
        netdev: 'tap,ifname=tap0,script=no,downscript=no',
      },
    ],
    memoryFile: { path: join(template, 'memory'), shared: false },
    incoming: true,
  }
  const args = [
    ...namespaceFlags(),
    '--',
    process.execPath,
    SCRIPT,
    template,
    requireTool('qemu-system-x86_64'),
    JSON.stringify(config),
  ]
  const child: ChildProcess = spawn(requireTool('unshare'), args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout as NodeJS.ReadableStream)
  return {
    round: async () => {
      const answered = once(lines, 'line') as Promise<[string]>
      child.stdin?.write('round\n')
      const [line] = await answered
      return (JSON.parse(line) as { ms: number }).ms
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(child, 'close')
      child.stdin?.end()
      await closed
    },
  }
}
