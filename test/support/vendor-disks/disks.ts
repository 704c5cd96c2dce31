/**
 * The disks, each by what manages its network: not every release with every manager, because a boot takes a minute or more under
 * emulation. cloud-init is 22.4 in bookworm, 25.1 in trixie, and the newest in sid. `make` turns the root of the disk before it (of the
 * same release) into this one's.
 */
export const DISKS = {
  'systemd-networkd': {
    suite: 'bookworm',
    make: 'chroot "$root" systemctl --quiet enable systemd-networkd.service',
  },
  netplan: { suite: 'bookworm', make: 'install install netplan.io' },
  ifupdown: { suite: 'trixie', make: 'install install ifupdown' },
  NetworkManager: {
    suite: 'trixie',
    make: `install purge --autoremove ifupdown
install install network-manager`,
  },
  'netplan-sid': {
    suite: 'sid',
    make: `install install netplan.io
chroot "$root" systemctl --quiet enable systemd-networkd.service`,
  },
} as const

export type VendorDisk = keyof typeof DISKS

export const PACKAGES = [
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
 * The beginning of mmdebstrap's last hook. `file_system NAME` makes a file system of the root, beside it. A mount of the root alone leaves
 * out what is mounted in it.
 */
export const MAKE_FILE_SYSTEM = `#!/bin/sh
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
`
