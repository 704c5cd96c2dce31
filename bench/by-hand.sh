#!/bin/sh
# Host-only networking for QEMU by hand, as people do it: a bridge, a TAP, a cloud-init seed, QEMU, then ssh until it works.
# Usage: by-hand.sh FOLDER KERNEL INITRD DISK ACCEL CPU   (in a network namespace of its own, as root there)
set -eu
folder=$1 kernel=$2 initrd=$3 disk=$4 accel=$5 cpu=$6
cd "$folder"

ip link set lo up
ip link add br0 type bridge
ip address add 192.168.100.50/24 brd 192.168.100.255 dev br0
ip tuntap add tap0 mode tap
ip link set tap0 master br0
ip link set br0 up
ip link set tap0 up

ssh-keygen -q -t ed25519 -N '' -f key
mkdir seed
cat > seed/user-data <<EOF
#cloud-config
disable_root: false
ssh_pwauth: true
chpasswd: { expire: false, list: ['root:secret'] }
users: [{ name: root, ssh_authorized_keys: ['$(cat key.pub)'] }]
EOF
printf 'instance-id: by-hand\nlocal-hostname: guest\n' > seed/meta-data
cat > seed/network-config <<EOF
version: 2
ethernets:
  nic0:
    match: { macaddress: '52:54:00:12:34:56' }
    addresses: [192.168.100.224/24]
EOF
xorriso -as mkisofs -quiet -output seed.iso -volid CIDATA -joliet -rock seed 2> /dev/null

qemu-system-x86_64 -nodefaults -display none -machine q35 -accel "$accel" -cpu "$cpu" -smp 2 -m 512M \
  -drive file="$disk",format=raw,if=virtio,snapshot=on -drive file=seed.iso,format=raw,if=virtio,readonly=on \
  -kernel "$kernel" -initrd "$initrd" -append 'root=/dev/vda rw console=ttyS0' -serial file:console \
  -netdev tap,id=network0,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=network0,mac=52:54:00:12:34:56 &

until ssh -F none -i key -o BatchMode=yes -o ConnectTimeout=2 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
  -o LogLevel=ERROR root@192.168.100.224 true 2> /dev/null; do
  sleep 0.2
done
