#!/bin/sh
# Host-only networking for QEMU by hand, as people do it: a bridge, a TAP, a cloud-init seed, QEMU, then ssh until it works and
# cloud-init has done what it was told.
# Usage: by-hand.sh FOLDER KERNEL INITRD DISK ACCEL CPU [LAST [APPEND]]   (in a network namespace of its own, as root there)
# Guests are at 192.168.100.224 to LAST (224). When all are ready it says so; then each line of its input, `ADDRESS COMMAND`, is run
# by ssh, until there are no more.
set -eu
folder=$1 kernel=$2 initrd=$3 disk=$4 accel=$5 cpu=$6 last=${7:-224}
append=${8:-root=/dev/vda rw console=ttyS0}
cd "$folder"

ip link set lo up
ip link add br0 type bridge
ip address add 192.168.100.50/24 brd 192.168.100.255 dev br0
ip link set br0 up
ssh-keygen -q -t ed25519 -N '' -f key

as_root_at() {
  address=$1
  shift
  ssh -F none -i key -o BatchMode=yes -o ConnectTimeout=2 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR "root@$address" "$@"
}

for host in $(seq 224 "$last"); do
  tap=tap$((host - 224)) mac=52:54:00:12:34:$(printf %02x "$host")
  ip tuntap add "$tap" mode tap
  ip link set "$tap" master br0
  ip link set "$tap" up

  mkdir "seed$host"
  cat > "seed$host/user-data" <<END
#cloud-config
disable_root: false
ssh_pwauth: true
chpasswd: { expire: false, list: ['root:secret'] }
users: [{ name: root, ssh_authorized_keys: ['$(cat key.pub)'] }]
END
  printf 'instance-id: by-hand\nlocal-hostname: guest\n' > "seed$host/meta-data"
  cat > "seed$host/network-config" <<END
version: 2
ethernets:
  nic0:
    match: { macaddress: '$mac' }
    addresses: [192.168.100.$host/24]
END
  xorriso -as mkisofs -quiet -output "seed$host.iso" -volid CIDATA -joliet -rock "seed$host" 2> /dev/null

  # A session each, as in a terminal each, and as ours: the kernel shares the processors among sessions first (autogroup, sched(7)).
  setsid qemu-system-x86_64 -nodefaults -display none -machine q35 -accel "$accel" -cpu "$cpu" -smp 2 -m 512M \
    -drive file="$disk",format=raw,if=virtio,snapshot=on -drive file="seed$host.iso",format=raw,if=virtio,readonly=on \
    -kernel "$kernel" -initrd "$initrd" -append "$append" -serial "file:console$host" \
    -netdev "tap,id=network0,ifname=$tap,script=no,downscript=no" \
    -device "virtio-net-pci,netdev=network0,mac=$mac" < /dev/null &
done

for host in $(seq 224 "$last"); do
  # The end that our own start has, by the same file: 'cloud-init status --wait' would add the start of a Python.
  until as_root_at "192.168.100.$host" 'until [ -e /run/cloud-init/result.json ]; do sleep 0.2; done' < /dev/null 2> /dev/null; do
    sleep 0.2
  done
done
echo ready
while read -r address command; do
  as_root_at "$address" "$command" < /dev/null
done
