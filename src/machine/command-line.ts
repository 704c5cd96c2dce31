/** Everything QEMU is told, as data. */
export interface MachineConfig {
  readonly name: string
  readonly accel: 'kvm' | 'tcg'
  readonly memoryMib: number
  readonly cpus: number
  readonly disk: { readonly path: string; readonly format: 'qcow2' | 'raw' }
  /** Boot this kernel directly; without it the disk's own boot loader runs. */
  readonly direct?: { readonly kernel: string; readonly initrd: string; readonly append: string } | undefined
  /** The NoCloud volume. */
  readonly seed: string
  readonly nic: { readonly model: 'virtio-net-pci' | 'e1000'; readonly macAddress: string; readonly tap: string }
}

/** Descriptors the QEMU process inherits; `startMachine` puts a socket on each. */
export const QMP_FD = 3
export const CONSOLE_FD = 4

/**
 * QEMU's arguments (https://www.qemu.org/docs/master/system/invocation.html).
 *
 * The disk is never written: `snapshot=on` puts an overlay before it, a temporary file that QEMU has unlinked, so that
 * it goes with the process. `cache=unsafe` because nobody needs that overlay after a power cut of the host.
 */
export function qemuArguments(config: MachineConfig): string[] {
  const { name, accel, memoryMib, cpus, disk, direct, seed, nic } = config
  // prettier-ignore
  return [
    '-name', `guest=${name}`,
    '-no-user-config', '-nodefaults',
    '-display', 'none',
    '-machine', 'q35',
    '-accel', accel,
    '-cpu', accel === 'kvm' ? 'host' : 'max',
    '-smp', `${cpus}`,
    '-m', `size=${memoryMib}M`,
    '-rtc', 'base=utc',
    '-chardev', `socket,id=qmp,fd=${QMP_FD}`,
    '-mon', 'chardev=qmp,mode=control',
    '-chardev', `socket,id=console,fd=${CONSOLE_FD}`,
    '-serial', 'chardev:console',
    '-drive', `id=disk,if=none,file=${escape(disk.path)},format=${disk.format},snapshot=on,cache=unsafe`,
    '-device', `virtio-blk-pci,drive=disk${direct ? '' : ',bootindex=0'}`,
    '-drive', `id=seed,if=none,file=${escape(seed)},format=raw,readonly=on`,
    '-device', 'virtio-blk-pci,drive=seed',
    '-netdev', `tap,id=net0,ifname=${nic.tap},script=no,downscript=no`,
    '-device', `${nic.model},netdev=net0,mac=${nic.macAddress},romfile=`,
    '-device', 'virtio-rng-pci',
    ...(direct ? ['-kernel', direct.kernel, '-initrd', direct.initrd, '-append', direct.append] : []),
  ]
}

/** In QEMU's option lists a comma is written twice. */
function escape(value: string): string {
  return value.replaceAll(',', ',,')
}
