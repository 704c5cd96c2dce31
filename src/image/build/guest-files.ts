/** Programs among the files. */
export function isProgram(text: string): boolean {
  return text.startsWith('#!')
}

/**
 * cloud-init without the search for a cloud, and without the modules that only mean something on Ubuntu or under
 * another hypervisor; what a cloud-config for a Debian guest uses is all there. The modules of the stage `config` run
 * at the head of the stage `final`, in the same order: each stage is a Python that imports 600 modules first, which is
 * a sixth of an emulated boot.
 */
const CLOUD_CONFIG = `datasource_list: [NoCloud, None]
locale: false
manage_etc_hosts: true
no_ssh_fingerprints: true
ssh:
  emit_keys_to_console: false
cloud_init_modules:
  - seed_random
  - bootcmd
  - write-files
  - growpart
  - resizefs
  - disk_setup
  - mounts
  - set_hostname
  - update_hostname
  - update_etc_hosts
  - ca-certs
  - rsyslog
  - users-groups
  - ssh
cloud_config_modules: []
cloud_final_modules:
  - ssh-import-id
  - keyboard
  - locale
  - set-passwords
  - apt-pipelining
  - apt-configure
  - ntp
  - timezone
  - runcmd
  - package-update-upgrade-install
  - write-files-deferred
  - puppet
  - salt-minion
  - scripts-vendor
  - scripts-per-once
  - scripts-per-boot
  - scripts-per-instance
  - scripts-user
  - ssh-authkey-fingerprints
  - keys-to-console
  - install-hotplug
  - phone-home
  - final-message
  - power-state-change
`

/**
 * The initrd loads the drivers it is told to, and devtmpfs has the disk at once; udev there would only go through all
 * devices a second time. `root=LABEL=` still works: initramfs-tools asks blkid.
 */
const INITRAMFS_HOOK = `#!/bin/sh
[ "$1" = prereqs ] && exit
cd "$DESTDIR"
rm -rf usr/lib/udev usr/bin/udevadm usr/sbin/dmsetup
rm -f scripts/init-top/udev scripts/init-top/all_generic_ide scripts/init-top/keymap scripts/local-premount/resume
cat >scripts/init-bottom/udev <<'END'
#!/bin/sh
[ "$1" = prereqs ] && exit
# This much udev's own script does as well.
mount -n -o move /dev "$rootmnt/dev"
END
`

/**
 * Coldplug goes through what a guest has use for: no virtual terminals, no buses, drivers and modules, which no rule
 * of Debian's acts on, and no CPUs, on whose account udev loads KVM and a dozen ciphers (they still load on demand).
 */
const UDEV_TRIGGER = `[Service]
ExecStart=
ExecStart=-udevadm trigger --type=devices --action=add --prioritized-subsystem=block,net --subsystem-nomatch=tty --subsystem-nomatch=vc --subsystem-nomatch=vtconsole --subsystem-nomatch=cpu --subsystem-nomatch=workqueue --subsystem-nomatch=bdi --subsystem-nomatch=mem --subsystem-nomatch=memory --subsystem-nomatch=clockevents --subsystem-nomatch=clocksource --subsystem-nomatch=event_source --subsystem-nomatch=machinecheck
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=tty --sysname-match=ttyS[0-9]*
`

/**
 * sshd executes itself anew for every connection, which gives each an address space layout of its own and costs half a
 * second under emulation, of a whole second for a login (`sshd -r`, OpenSSH 9.2, sshd.c).
 */
const SSHD = `[Service]
ExecStart=
ExecStart=/usr/sbin/sshd -D -r $SSHD_OPTS
`

/**
 * To start cloud-init is to import 600 modules of Python, 5 to 9 s under emulation, and each of its stages is a program
 * of its own. This one imports them once, as soon as systemd is up, and runs each stage that is asked for as its child.
 * cloud-init does so itself since 24.3 (`cloud-init --all-stages`), by a unit of the same name.
 */
const CLOUD_INIT_MAIN = `#!/usr/bin/python3
import os, shutil, signal, socket, sys
from cloudinit.cmd.main import main
FOLDER = '/run/vitest-guest-cloud-init'
child = 0
def stop(*_):
    if child:
        os.kill(child, signal.SIGTERM)
    os._exit(1)
os.mkdir(FOLDER, 0o700)
for name in 'ask', 'answer':
    os.mkfifo(FOLDER + '/' + name, 0o600)
signal.signal(signal.SIGTERM, stop)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
    systemd.sendto(b'READY=1', os.environ.pop('NOTIFY_SOCKET').replace('@', chr(0), 1))
last = False
while not last:
    with open(FOLDER + '/ask') as ask:
        stage = ask.read().split()
    last = '--mode=final' in stage
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.exit(main(['/usr/bin/cloud-init', *stage]))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    child = 0
    if last:
        os.unlink(FOLDER + '/ask')
    with open(FOLDER + '/answer', 'w') as answer:
        print(abs(status), file=answer)
shutil.rmtree(FOLDER)
`

const CLOUD_INIT_MAIN_UNIT = `[Unit]
Description=cloud-init, loaded once for all its stages
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=notify
ExecStart=/usr/local/lib/vitest-guest/cloud-init-main
RemainAfterExit=yes
TimeoutStartSec=infinity
KillMode=process
TasksMax=infinity
SyslogIdentifier=cloud-init
StandardOutput=journal+console
`

/** When nobody is there to ask, the stage runs as it would anyway. */
const CLOUD_INIT_STAGE = `#!/bin/sh
folder=/run/vitest-guest-cloud-init
[ -p $folder/ask ] || exec /usr/bin/cloud-init "$@"
echo "$*" >$folder/ask
read -r status <$folder/answer
exit "$status"
`

function cloudInitStage(command: string): string {
  return `[Unit]
Wants=cloud-init-main.service
After=cloud-init-main.service

[Service]
ExecStart=
ExecStart=/usr/local/lib/vitest-guest/cloud-init-stage ${command}
`
}

/** Debian's, but for the search for a cloud, which costs a second: there is always the seed. */
const CLOUD_INIT_GENERATOR = `#!/bin/sh
[ -e /etc/cloud/cloud-init.disabled ] && exit
mkdir -p /run/cloud-init "$2/multi-user.target.wants"
ln -sf /lib/systemd/system/cloud-init.target "$2/multi-user.target.wants/"
: >/run/cloud-init/enabled
`

/** Where sshd is older than 9.8, which has a process of its own for each connection. */
export const SSHD_FILE = { '/etc/systemd/system/ssh.service.d/vitest-guest.conf': SSHD }

/** Files of a guest that boots as its distribution has it. */
export const PLAIN_FILES: Readonly<Record<string, string>> = {
  '/etc/cloud/cloud.cfg.d/90_vitest-guest.cfg': 'datasource_list: [NoCloud, None]\n',
  '/etc/default/locale': 'LANG=C.UTF-8\n',
  '/etc/fstab': 'LABEL=vitest-guest / ext4 errors=remount-ro 0 0\n',
  '/etc/initramfs-tools/modules': 'virtio_pci\nvirtio_blk\next4\n',
  '/etc/initramfs-tools/conf.d/vitest-guest': 'MODULES=list\nCOMPRESS=lz4\nRESUME=none\n',
}

/** Files of the guest that are in place before any package is installed; none of them is a package's own. */
export const GUEST_FILES: Readonly<Record<string, string>> = {
  ...PLAIN_FILES,
  ...SSHD_FILE,
  '/etc/cloud/cloud.cfg.d/90_vitest-guest.cfg': CLOUD_CONFIG,
  '/etc/systemd/system-generators/cloud-init-generator': CLOUD_INIT_GENERATOR,
  '/etc/systemd/system/cloud-final.service.d/vitest-guest.conf': cloudInitStage('modules --mode=final'),
  '/etc/systemd/system/cloud-init-local.service.d/vitest-guest.conf': cloudInitStage('init --local'),
  '/etc/systemd/system/cloud-init-main.service': CLOUD_INIT_MAIN_UNIT,
  '/etc/systemd/system/systemd-udev-trigger.service.d/vitest-guest.conf': UDEV_TRIGGER,
  '/usr/local/lib/vitest-guest/cloud-init-main': CLOUD_INIT_MAIN,
  '/usr/local/lib/vitest-guest/cloud-init-stage': CLOUD_INIT_STAGE,
  '/etc/initramfs-tools/hooks/vitest-guest': INITRAMFS_HOOK,
}

/** The beginning of the last hook of mmdebstrap, whose argument is the new root. */
const BARE_CLEANUP = `#!/bin/sh
set -e
root=$1
# What left things out of this image must not do so for what is installed later.
rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$root"/etc/apt/apt.conf.d/99mmdebstrap
rm -f "$root"/etc/ssh/ssh_host_*
: >"$root/etc/machine-id"
`

const SYSTEMCTL = 'systemctl() { chroot "$root" systemctl --quiet "$@"; }\n'
export const ENABLE_NETWORKD = 'systemctl enable systemd-networkd.service\n'
const DISABLE_TIMERS = `# The clock of a clone jumps to now, which starts whatever is overdue: apt's lock would be held, and its downloads fail.
systemctl disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
`
const NOTE_UPDATE = `# systemd-sysusers and others need not run on the first boot: dpkg has just done their work.
touch "$root/etc/.updated" "$root/var/.updated"
`

/** The last hook of mmdebstrap. Each difference from what a vendor has, and its reason: docs/images.md. */
export const CUSTOMIZE = `${BARE_CLEANUP}
${SYSTEMCTL}${ENABLE_NETWORKD}${DISABLE_TIMERS}\
# Half a second each, emulated, at each daemon-reload, to find that there is nothing for them to do on this disk.
for name in gpt-auto hibernate-resume integritysetup run system-update veritysetup; do
  ln -s /dev/null "$root/etc/systemd/system-generators/systemd-$name-generator"
done
# Its modules run in cloud-final.service.
systemctl mask cloud-config.service
${NOTE_UPDATE}`

/** The same for a guest that boots as its distribution has it. */
export const CUSTOMIZE_PLAIN = `${BARE_CLEANUP}${NOTE_UPDATE}${SYSTEMCTL}${DISABLE_TIMERS}`

/** The same for more packages in a root that has been through one of these. */
export const CUSTOMIZE_AGAIN = `${BARE_CLEANUP}${NOTE_UPDATE}`
