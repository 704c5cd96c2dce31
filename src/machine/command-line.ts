export interface MachineConfig {
  readonly name: string
  readonly accel: 'kvm' | 'tcg'
  readonly memoryMib: number
  readonly cpus: number
  readonly disk: DiskFile & {
    /** Write to the disk itself; otherwise to an overlay that is removed with the process. @default false */
    readonly writable?: boolean
  }
  /** Boot this kernel directly; without it the disk's own boot loader runs. */
  readonly direct?: { readonly kernel: string; readonly initrd: string; readonly append: string } | undefined
  /** The NoCloud volume. */
  readonly seed: string
  /** Its network cards, in the order of their places on the bus. */
  readonly nics: readonly Nic[]
  /** Keep RAM in this file: `shared` writes to it; otherwise pages are only read from it (copy-on-write). */
  readonly memoryFile?: { readonly path: string; readonly shared: boolean } | undefined
  /** Wait for a frozen state instead of booting. */
  readonly incoming?: boolean | undefined
}

/** A file, and the one below it. No other file is opened, whatever the header says. */
export interface DiskFile {
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  readonly backing?: DiskFile
}

export interface Nic {
  readonly model: 'virtio-net-pci' | 'e1000'
  readonly macAddress: string
  /** The card's other end: QEMU's `-netdev`, all but its ID. */
  readonly netdev: string
  /** A UNIX socket on which QEMU answers one more QMP client, by its name in QEMU's own folder. */
  readonly monitor?: string | undefined
}

/**
 * Descriptors that QEMU inherits; the first three are sockets of `startMachine`. QEMU gets every file opened, so that it needs no rights
 * to reach it. 8 and 9 are used by the shells in between.
 */
export const QMP_FD = 3
export const CONSOLE_FD = 4
export const AGENT_FD = 5
/** A file: the frozen state. */
export const STATE_FD = 6
/** The disk is last, because its backing files follow. */
export const FILE_FD = { overlay: 10, seed: 11, memory: 12, kernel: 13, initrd: 14, disk: 15 } as const

/**
 * MiB of translated code that an emulated machine keeps; when it is full, QEMU drops everything. A boot produces 300 to 500. The previous
 * boot's code is useless to the next, and writes to pages that have translations are slow, so with QEMU's default of 1 GiB a reboot takes
 * twice as long (docs/decisions/translations.md).
 */
const TRANSLATIONS_MIB = 256

/** The other end of a network card, by QEMU's name for it. */
export function netdevId(index: number): string {
  return `net${index}`
}

/**
 * QEMU's arguments (https://www.qemu.org/docs/master/system/invocation.html).
 *
 * An image is never written to, and files that only its header names are not opened (docs/decisions/untrusted-disks.md): writes go to an
 * overlay, an unnamed file that vanishes with the process. `cache=unsafe`, because nobody needs the overlay after a power cut of the host.
 */
export function qemuArguments(config: MachineConfig): string[] {
  const { name, accel, memoryMib, cpus, disk, direct, nics, memoryFile, incoming } = config
  // prettier-ignore
  return [
    '-name', `guest=${name}`,
    '-no-user-config', '-nodefaults',
    '-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-display', 'none',
    '-machine', `q35${memoryFile ? ',memory-backend=mem' : ''}`,
    '-accel', accel === 'kvm' ? 'kvm' : `tcg,tb-size=${TRANSLATIONS_MIB}`,
    '-cpu', accel === 'kvm' ? 'host' : 'max',
    '-smp', `${cpus}`,
    '-m', `size=${memoryMib}M`,
    ...(memoryFile ? ['-object', memoryBackend(memoryFile.shared, memoryMib)] : []),
    '-rtc', 'base=utc',
    '-chardev', `socket,id=qmp,fd=${QMP_FD}`,
    '-mon', 'chardev=qmp,mode=control',
    '-chardev', `socket,id=console,fd=${CONSOLE_FD}`,
    '-serial', 'chardev:console',
    '-chardev', `socket,id=agent,fd=${AGENT_FD}`,
    '-serial', 'chardev:agent',
    ...driveFiles(config).flatMap(([fd, path]) => ['-add-fd', `fd=${fd},set=${fd},opaque=${escape(path)}`]),
    '-drive', `id=disk,if=none,cache=unsafe,auto-read-only=off,file=${escape(`json:${JSON.stringify(graph(disk))}`)}`,
    '-device', `virtio-blk-pci,drive=disk${direct ? '' : ',bootindex=0'}`,
    '-drive', `id=seed,if=none,readonly=on,format=raw,file=/dev/fdset/${FILE_FD.seed}`,
    '-device', 'virtio-blk-pci,drive=seed',
    ...nics.flatMap(({ model, macAddress, netdev, monitor }, index) => [
      '-netdev', `${netdev},id=${netdevId(index)}`,
      '-device', `${model},netdev=${netdevId(index)},mac=${macAddress},romfile=`,
      ...(monitor === undefined ? [] : [
        '-chardev', `socket,id=${netdevId(index)}-monitor,server=on,wait=off,path=${escape(monitor)}`,
        '-mon', `chardev=${netdevId(index)}-monitor,mode=control`,
      ]),
    ]),
    // For screenshots, in the text mode that every kernel supports: Debian's cloud kernel has no other (no CONFIG_DRM).
    '-device', 'VGA,vgamem_mb=1',
    '-device', 'virtio-rng-pci',
    // With it, a kernel that has a driver (CONFIG_VMGENID) reseeds its entropy when it resumes as a clone.
    '-device', 'vmgenid,guid=auto',
    ...(direct ? ['-kernel', reopened(FILE_FD.kernel), '-initrd', reopened(FILE_FD.initrd), '-append', bootParameters(direct.append)] : []),
    ...(incoming ? ['-incoming', 'defer'] : []),
  ]
}

/** The kernel's alerts also go to the screen; /dev/console is the last one named. */
function bootParameters(append: string): string {
  return `console=tty0 ${append}`
}

function memoryBackend(shared: boolean, memoryMib: number): string {
  return `memory-backend-file,id=mem,size=${memoryMib}M,mem-path=${reopened(FILE_FD.memory)},share=${shared ? 'on' : 'off'}`
}

/** A path under which QEMU can reopen a file that it has open already. */
function reopened(fd: number): string {
  return `/proc/self/fd/${fd}`
}

/** The disks' descriptors with their paths, which show who uses a file (cache/user-of.ts). */
function driveFiles({ disk, seed }: MachineConfig): [number, string][] {
  return [
    ...(disk.writable ? [] : ([[FILE_FD.overlay, 'overlay']] as [number, string][])),
    ...chain(disk).map(({ path }, depth): [number, string] => [FILE_FD.disk + depth, path]),
    [FILE_FD.seed, seed],
  ]
}

/** A disk, followed by its backing files. */
export function chain(disk: DiskFile): DiskFile[] {
  return [disk, ...(disk.backing ? chain(disk.backing) : [])]
}

/** Without `backing: null` QEMU opens the file that the header names, which an untrusted image controls. */
function graph(disk: MachineConfig['disk']): object {
  const below = chain(disk).reduceRight<object | null>((backing, { format }, depth) => {
    const node = { driver: format, file: handed(FILE_FD.disk + depth) }
    return format === 'raw' ? node : { ...node, backing }
  }, null)
  return disk.writable && below ? below : { driver: 'qcow2', file: handed(FILE_FD.overlay), backing: below }
}

function handed(fd: number): object {
  return { driver: 'file', filename: `/dev/fdset/${fd}` }
}

/** In QEMU's option lists a comma is written twice. */
export function escape(value: string): string {
  return value.replaceAll(',', ',,')
}
