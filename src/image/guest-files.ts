/** Files of the guest that differ from Debian's defaults, all of them drop-ins, by absolute path. */
export const GUEST_FILES: Readonly<Record<string, string>> = {
  '/etc/initramfs-tools/modules': 'virtio_pci\nvirtio_blk\next4\n',
  '/etc/initramfs-tools/conf.d/vitest-guest': 'MODULES=list\nCOMPRESS=lz4\n',
  '/etc/fstab': 'LABEL=vitest-guest / ext4 errors=remount-ro 0 0\n',
  '/etc/default/locale': 'LANG=C.UTF-8\n',
  '/etc/cloud/cloud.cfg.d/90_vitest-guest.cfg': `datasource_list: [NoCloud]
locale: false
grub_dpkg:
  enabled: false
manage_etc_hosts: true
`,
}

export const CUSTOMIZE = `#!/bin/sh
set -e
chroot "$1" systemctl enable systemd-networkd.service
chroot "$1" systemctl mask systemd-networkd-wait-online.service
rm -f "$1"/etc/ssh/ssh_host_*
: >"$1/etc/machine-id"
`
