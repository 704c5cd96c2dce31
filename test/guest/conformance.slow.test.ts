import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, type Guest } from '../../src/index.ts'
import { vendorDisk } from '../support/vendor-disks/vendor-disk.ts'

/** Milliseconds, for an image and a template that are not there yet. */
const BUILD_BUDGET = 1_800_000
const SYSCTLS = [
  'fs[.](protected|suid)',
  'kernel[.](sysrq|dmesg|kptr|randomize|unprivileged|yama|core_uses|printk)',
  'net[.]ipv4[.]conf[.](all|default)',
  'net[.]core',
  'vm[.](swap|overcommit|dirty)',
]

/** What a distribution decides: how to ask for it, and what may differ, which docs/images.md has the reasons for. */
const QUESTIONS: Readonly<Record<string, { ask: string; differences?: readonly string[] }>> = {
  'settings of sshd': { ask: 'sshd -T | sort' },
  PAM: { ask: 'cd /etc/pam.d && sha256sum *' },
  'the default target': { ask: 'systemctl get-default' },
  'whether all is well': { ask: 'systemctl is-system-running --wait' },
  units: {
    ask: "systemctl list-unit-files --no-legend --plain --full | awk '{print $1, $2}' | sort",
    differences: [
      ...['apt-daily-upgrade', 'apt-daily', 'dpkg-db-backup', 'e2scrub_all', 'fstrim'].flatMap((name) => [
        `built: ${name}.timer disabled`,
        `vendor's: ${name}.timer enabled`,
      ]),
      'built: cloud-config.service masked',
      "vendor's: cloud-config.service enabled",
      'built: cloud-init-main.service static',
      'built: cloud-init.service masked-runtime',
      "vendor's: cloud-init.service enabled",
      // The root is writable from the start, so that it is not checked again.
      'built: systemd-fsck-root.service static',
      "vendor's: systemd-fsck-root.service enabled-runtime",
    ],
  },
  generators: {
    ask: `cd /usr/lib/systemd/system-generators
      for each in *; do [ "$(readlink /etc/systemd/system-generators/$each)" = /dev/null ] || echo "$each"; done`,
    differences: ['gpt-auto', 'hibernate-resume', 'integritysetup', 'run', 'system-update', 'veritysetup'].map(
      (name) => `vendor's: systemd-${name}-generator`,
    ),
  },
  sysctls: {
    ask: `sysctl -a 2>/dev/null | grep -E '^(${SYSCTLS.join('|')})' | tr '\\t' ' ' | sort`,
    differences: ['built: kernel.printk = 4 4 1 7', "vendor's: kernel.printk = 7 4 1 7"],
  },
  'messages of the day': { ask: 'ls /etc/update-motd.d; cat /etc/motd' },
  users: { ask: 'cut -d: -f1,7 /etc/passwd | sort' },
  // The others follow from the memory.
  limits: { ask: "ulimit -a | grep -v -e 'pending signals' -e 'user processes'" },
  locale: {
    ask: "grep -v '^#' /etc/default/locale || true",
    differences: ['built: LANG=C.UTF-8', "vendor's: "],
  },
  'umask and PATH': { ask: 'umask; echo $PATH' },
}

let built: Guest
let vendors: Guest

beforeAll(async () => {
  const image = { path: await vendorDisk('systemd-networkd') }
  // As in the tests of that disk, which share its template.
  const options = { cpus: 1, memory: '640M' }
  ;[built, vendors] = await Promise.all([
    bootGuest(options),
    bootGuest({ ...options, image, timeouts: { boot: 300_000 } }),
  ])
}, BUILD_BUDGET)
afterAll(async () => {
  await built[Symbol.asyncDispose]()
  await vendors[Symbol.asyncDispose]()
})

test.for(Object.entries(QUESTIONS))("%s: as on a vendor's disk", async ([, { ask, differences = [] }]) => {
  const [ours, theirs] = (await Promise.all([built, vendors].map((guest) => guest.exec(ask)))).map(({ stdout }) =>
    stdout.split('\n'),
  ) as [string[], string[]]
  const found = [
    ...ours.filter((line) => !theirs.includes(line)).map((line) => `built: ${line}`),
    ...theirs.filter((line) => !ours.includes(line)).map((line) => `vendor's: ${line}`),
  ]
  expect(found.sort()).toEqual([...differences].sort())
})
