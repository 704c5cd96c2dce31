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

test("with KVM the guest has the host's CPU; emulated, all that QEMU can", () => {
  expect([values(CONFIG, '-accel'), values(CONFIG, '-cpu')]).toEqual([['kvm'], ['host']])
  const emulated = { ...CONFIG, accel: 'tcg' as const }
  expect([values(emulated, '-accel'), values(emulated, '-cpu')]).toEqual([['tcg,tb-size=256'], ['max']])
})

test('no disk is ever written to, and a comma in a path does not end it', () => {
  const [disk, seed] = values(CONFIG, '-drive')
  expect(disk).toContain('{"driver":"raw",,"file":{"driver":"file",,"filename":"/images/a,,b.raw"}},snapshot=on')
  expect(seed).toContain('readonly=on')
})

test('QEMU is told of every file of a disk, and to open no other', () => {
  const backing = { path: '/images/base.qcow2', format: 'qcow2' } as const
  const [disk] = values({ ...CONFIG, disk: { path: '/overlay.qcow2', format: 'qcow2', backing } }, '-drive')
  const json = /file=json:(.*),snapshot=on/.exec(disk?.replaceAll(',,', ',') ?? '')?.[1] ?? ''
  const file = (filename: string) => ({ driver: 'file', filename })
  expect(JSON.parse(json)).toEqual({
    driver: 'qcow2',
    file: file('/overlay.qcow2'),
    backing: { driver: 'qcow2', file: file('/images/base.qcow2'), backing: null },
  })
})

test('a boot loader comes from the disk; a direct boot needs none', () => {
  expect(values(CONFIG, '-kernel')).toEqual(['/k'])
  expect(values(CONFIG, '-device')).toContain('virtio-blk-pci,drive=disk')
  const { direct: _, ...own } = CONFIG
  expect(values(own, '-kernel')).toEqual([])
  expect(values(own, '-device')).toContain('virtio-blk-pci,drive=disk,bootindex=0')
})

test('the card has its TAP, its MAC, and no boot ROM', () => {
  expect(values(CONFIG, '-netdev')).toEqual(['tap,ifname=tap0,script=no,downscript=no,id=net0'])
  expect(values(CONFIG, '-device')).toContain('virtio-net-pci,netdev=net0,mac=52:54:00:00:00:01,romfile=')
})

test("there is a screen for the kernel's alarms, but the console that /dev/console is stays the serial one", () => {
  expect(values(CONFIG, '-device')).toContain('VGA,vgamem_mb=1')
  const direct = { kernel: '/k', initrd: '/i', append: 'root=/dev/vda console=ttyS0' }
  expect(values({ ...CONFIG, direct }, '-append')).toEqual(['console=tty0 root=/dev/vda console=ttyS0'])
})
