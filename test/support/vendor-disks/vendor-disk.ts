import { createHash } from 'node:crypto'
import { access, chmod, mkdir, mkdtemp, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from '../../../src/host/environment.ts'
import { takeLock } from '../../../src/host/program/lock.ts'
import { requireTool } from '../../../src/host/program/tools.ts'
import { removeAsRoot, runAsRoot } from '../../../src/image/build/build-step.ts'
import { makeGrubDisk } from '../odd-image/grub-disk.ts'

/** What manages the network cards of a vendor's image. */
export const MANAGERS = ['systemd-networkd', 'netplan', 'ifupdown', 'NetworkManager'] as const
export type Manager = (typeof MANAGERS)[number]

const PACKAGES = [
  'systemd-sysv',
  'dbus',
  'udev',
  'kmod',
  'initramfs-tools',
  'zstd',
  'linux-image-cloud-amd64',
  'cloud-init',
  'cloud-guest-utils',
  'openssh-server',
  'python3',
  'sudo',
  'iproute2',
  'iputils-ping',
  'netbase',
  'procps',
  'libpam-systemd',
]

/**
 * The last hook of mmdebstrap: makes one file system for each manager, beside the root. A mount of the root alone leaves out what is
 * mounted in it.
 */
const MAKE_FILE_SYSTEMS = `#!/bin/sh
set -e
root=$1
folder=\${root%/*}
install() { APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq --yes -oDPkg::Chroot-Directory="$root" "$@"; }
file_system() {
  mv "$root/var/lib/apt/lists" "$folder/lists"
  mv "$root/etc/resolv.conf" "$folder/resolv.conf"
  rm -f "$root"/etc/ssh/ssh_host_* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb
  : >"$root/etc/machine-id"
  mkdir "$folder/alone"
  mount --bind "$root" "$folder/alone"
  mke2fs -q -t ext4 -L vitest-guest -d "$folder/alone" "$folder/$1.raw" 3G
  umount "$folder/alone"
  rmdir "$folder/alone"
  mv "$folder/lists" "$root/var/lib/apt/lists"
  mv "$folder/resolv.conf" "$root/etc/resolv.conf"
}
echo 'LABEL=vitest-guest / ext4 errors=remount-ro 0 1' >"$root/etc/fstab"
chroot "$root" systemctl --quiet enable systemd-networkd.service
file_system systemd-networkd
install install netplan.io
file_system netplan
install purge --autoremove netplan.io
chroot "$root" systemctl --quiet disable systemd-networkd.service
install install ifupdown
file_system ifupdown
install purge --autoremove ifupdown
install install network-manager
file_system NetworkManager
`

const RECIPE = {
  mmdebstrap: [
    '--mode=root',
    '--format=directory',
    '--variant=minbase',
    '--aptopt=APT::Install-Recommends "false"',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/locale/*',
    `--include=${PACKAGES.join(',')}`,
  ],
  suite: 'bookworm',
  customize: MAKE_FILE_SYSTEMS,
}

/**
 * A disk like a vendor's cloud image: Debian's packages as they come, a boot loader, cloud-init, and one program that manages the
 * network. All of them are built at once, and kept in the cache folder.
 */
export async function vendorDisk(manager: Manager): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(RECIPE)).digest('hex').slice(0, 12)
  const folder = join(cacheFolder(), 'tests', `vendor-disks-${key}`)
  await mkdir(join(folder, '..'), { recursive: true })
  await using _ = await takeLock(`${folder}.lock`, 'the disks of vendors', () => {})
  const isThere = await access(folder).then(
    () => true,
    () => false,
  )
  if (!isThere) await build(folder)
  return join(folder, `${manager}.qcow2`)
}

async function build(folder: string): Promise<void> {
  const building = await mkdtemp(`${folder}.`)
  try {
    const [root, customize, disks] = ['root', 'customize', 'disks'].map((name) => join(building, name)) as [
      string,
      string,
      string,
    ]
    // apt fetches as its own user, who must be able to enter.
    await chmod(building, 0o755)
    await writeFile(customize, RECIPE.customize, { mode: 0o755 })
    const options = [...RECIPE.mmdebstrap, `--customize-hook=${customize}`]
    await runAsRoot([requireTool('mmdebstrap'), ...options, RECIPE.suite, root], { cwd: building })
    await mkdir(disks)
    for (const manager of MANAGERS) {
      await makeGrubDisk({ fileSystem: join(building, `${manager}.raw`), disk: join(disks, `${manager}.qcow2`) })
    }
    await rename(disks, folder)
  } finally {
    await removeAsRoot(building)
  }
}
