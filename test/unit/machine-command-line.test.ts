import { expect, test } from 'vitest'
import { qemuArguments, type MachineConfig } from '../../src/machine/command-line.ts'

const CONFIG: MachineConfig = {
  name: 'web',
  accel: 'kvm',
  memoryMib: 512,
  cpus: 2,
  disk: { path: '/images/a,b.raw', format: 'raw' },
  direct: { kernel: '/k', initrd: '/i', append: 'root=/dev/vda' },
  seed: '/seed.iso',
  nics: [
    { model: 'virtio-net-pci', macAddress: '52:54:00:00:00:01', netdev: 'tap,ifname=tap0,script=no,downscript=no' },
  ],
}

/** The values of an option, in order. */
function values(config: MachineConfig, option: string): (string | undefined)[] {
  const all = qemuArguments(config)
  return all.flatMap((word, index) => (word === option ? [all[index + 1]] : []))
}

test("with KVM the guest has the host's CPU; under emulation, all features of QEMU", () => {
  expect([values(CONFIG, '-accel'), values(CONFIG, '-cpu')]).toEqual([['kvm'], ['host']])
  const emulated = { ...CONFIG, accel: 'tcg' as const }
  expect([values(emulated, '-accel'), values(emulated, '-cpu')]).toEqual([['tcg,tb-size=256'], ['max']])
})

/** QEMU's option for the first disk. */
function graph(config: MachineConfig): unknown {
  const [drive = ''] = values(config, '-drive')
  return JSON.parse(/file=json:(.*)$/.exec(drive.replaceAll(',,', ','))?.[1] ?? '')
}

const handed = (fd: number) => ({ driver: 'file', filename: `/dev/fdset/${fd}` })

test('disks are never written to, and a path may contain commas', () => {
  expect(graph(CONFIG)).toEqual({ driver: 'qcow2', file: handed(10), backing: { driver: 'raw', file: handed(15) } })
  expect(values(CONFIG, '-drive')[1]).toContain('readonly=on')
  expect(values(CONFIG, '-add-fd')).toContain('fd=15,set=15,opaque=/images/a,,b.raw')
})

test('QEMU may neither start programs nor become another user', () => {
  expect(values(CONFIG, '-sandbox')).toEqual([
    'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
  ])
})

test('QEMU gets every file of a disk, and is told to open no other', () => {
  const base = { path: '/images/base.qcow2', format: 'qcow2' } as const
  const disk = {
    path: '/c.qcow2',
    format: 'qcow2',
    backing: { path: '/b.qcow2', format: 'qcow2', backing: base },
  } as const
  const below = { driver: 'qcow2', file: handed(17), backing: null }
  const whole = {
    driver: 'qcow2',
    file: handed(15),
    backing: { driver: 'qcow2', file: handed(16), backing: below },
  }
  expect(graph({ ...CONFIG, disk: { ...disk, writable: true } })).toEqual(whole)
  expect(graph({ ...CONFIG, disk })).toEqual({ driver: 'qcow2', file: handed(10), backing: whole })
  expect(values({ ...CONFIG, disk }, '-add-fd')).toContain('fd=17,set=17,opaque=/images/base.qcow2')
})

test('a boot loader comes from the disk; a direct boot needs none', () => {
  expect(values(CONFIG, '-kernel')).toEqual(['/proc/self/fd/13'])
  expect(values(CONFIG, '-device')).toContain('virtio-blk-pci,drive=disk')
  const { direct: _, ...own } = CONFIG
  expect(values(own, '-kernel')).toEqual([])
  expect(values(own, '-device')).toContain('virtio-blk-pci,drive=disk,bootindex=0')
})

test('the card has its TAP, its MAC, and no boot ROM', () => {
  expect(values(CONFIG, '-netdev')).toEqual(['tap,ifname=tap0,script=no,downscript=no,id=net0'])
  expect(values(CONFIG, '-device')).toContain('virtio-net-pci,netdev=net0,mac=52:54:00:00:00:01,romfile=')
})

test("there is a screen for the kernel's alerts, but /dev/console is the serial console", () => {
  expect(values(CONFIG, '-device')).toContain('VGA,vgamem_mb=1')
  const direct = { kernel: '/k', initrd: '/i', append: 'root=/dev/vda console=ttyS0' }
  expect(values({ ...CONFIG, direct }, '-append')).toEqual(['console=tty0 root=/dev/vda console=ttyS0'])
})
