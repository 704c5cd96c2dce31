/**
 * cloud-init 22.4 starts Python anew for each of its four stages and imports the same 600 modules each time, which is
 * a third of the boot (1.1 of 12.4 G instructions each). Here one process imports them once, while udev and journald start,
 * and forks a child per stage; cloud-init does the same itself since 24.3 (`--all-stages`). The units start a small
 * client that hands over its arguments, descriptors, environment and control group, so that a stage's journal,
 * console output, and left-over children are where they would be otherwise; it runs the stage itself if anything is
 * amiss.
 */
const FOLDER = '/usr/lib/vitest-guest'
const SOCKET = '/run/vitest-guest/cloud-init.sock'

const CLIENT = `#!/usr/bin/python3 -IS
# Has a cloud-init stage run by cloud-init-server, which has everything imported; exits as the stage does.
import _socket
import os
import sys

STAGE = sys.argv[1:]
try:
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    server.connect("${SOCKET}")
    descriptors = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (0, 1, 2))
    server.sendmsg(["\\0".join(STAGE).encode()], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
    answer = server.recv(16)
except OSError:
    answer = b""
if answer:
    sys.exit(int(answer))
os.execv("/usr/bin/cloud-init", ["cloud-init", *STAGE])
`

const SERVER = `#!/usr/bin/python3
# Imports cloud-init once and runs its stages as forks of this process, for cloud-init-stage.
import gc
import importlib
import os
import socket
import struct
import sys

listener = socket.socket(fileno=3)  # from systemd

from cloudinit.cmd import main

# What the stages import as they go; done while the first one runs, for those after it.
LATER = """
cloudinit.config.cc_apt_configure cloudinit.config.cc_apt_pipelining cloudinit.config.cc_bootcmd
cloudinit.config.cc_ca_certs cloudinit.config.cc_disk_setup cloudinit.config.cc_final_message
cloudinit.config.cc_growpart cloudinit.config.cc_install_hotplug cloudinit.config.cc_keyboard
cloudinit.config.cc_keys_to_console cloudinit.config.cc_locale cloudinit.config.cc_mounts cloudinit.config.cc_ntp
cloudinit.config.cc_package_update_upgrade_install cloudinit.config.cc_phone_home
cloudinit.config.cc_power_state_change cloudinit.config.cc_puppet cloudinit.config.cc_resizefs
cloudinit.config.cc_rsyslog cloudinit.config.cc_runcmd cloudinit.config.cc_salt_minion
cloudinit.config.cc_scripts_per_boot cloudinit.config.cc_scripts_per_instance cloudinit.config.cc_scripts_per_once
cloudinit.config.cc_scripts_user cloudinit.config.cc_scripts_vendor cloudinit.config.cc_seed_random
cloudinit.config.cc_set_hostname cloudinit.config.cc_set_passwords cloudinit.config.cc_ssh
cloudinit.config.cc_ssh_authkey_fingerprints cloudinit.config.cc_ssh_import_id cloudinit.config.cc_timezone
cloudinit.config.cc_update_etc_hosts cloudinit.config.cc_update_hostname cloudinit.config.cc_users_groups
cloudinit.config.cc_write_files cloudinit.config.cc_write_files_deferred
cloudinit.handlers.boot_hook cloudinit.handlers.cloud_config cloudinit.handlers.shell_script
"""
SOONER = "cloudinit.sources.DataSourceNoCloud cloudinit.distros.debian cloudinit.net.networkd"


def load(names):
    for name in names.split():
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # then the stage that needs it says so


def become(client, request, descriptors):
    pid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    with open(f"/proc/{pid}/cgroup") as groups:
        group = groups.readline().strip().split(":", 2)[2]
    with open(f"/sys/fs/cgroup{group}/cgroup.procs", "w") as procs:
        procs.write("0")
    with open(f"/proc/{pid}/environ") as environ:
        os.environ.clear()
        os.environ.update(line.split("=", 1) for line in environ.read().split("\\0") if "=" in line)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    client.close()
    listener.close()
    os.setsid()
    gc.unfreeze()
    sys.argv = ["/usr/bin/cloud-init", *request]


def serve():
    client, _ = listener.accept()
    message, descriptors, _, _ = socket.recv_fds(client, 4096, 3)
    request = message.decode().split("\\0")
    gc.freeze()
    child = os.fork()
    if child == 0:
        become(client, request, descriptors)
        sys.exit(main.main())
    for descriptor in descriptors:
        os.close(descriptor)
    load(LATER)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    try:
        client.sendall(str(code if code >= 0 else 1).encode())
    except OSError:
        pass  # the unit was stopped
    client.close()
    return request


load(SOONER)
while serve()[-1] != "--mode=final":
    pass
`

const SOCKET_UNIT = `[Unit]
Description=cloud-init, imported once for all its stages
DefaultDependencies=no
Before=cloud-init-local.service sockets.target shutdown.target
Conflicts=shutdown.target

[Socket]
ListenStream=${SOCKET}
SocketMode=0600
`

const SERVICE_UNIT = `[Unit]
Description=cloud-init, imported once for all its stages
DefaultDependencies=no
Requires=vitest-guest-cloud-init.socket
After=vitest-guest-cloud-init.socket
Before=shutdown.target
Conflicts=shutdown.target

[Service]
ExecStart=${FOLDER}/cloud-init-server
KillMode=process
`

/** The generator of Debian calls ds-identify to look for clouds; here there is one place to look, whatever it finds. */
const GENERATOR = `#!/bin/sh
# In place of Debian's: the same switches, without the search for a cloud.
read -r cmdline </proc/cmdline
mkdir -p /run/cloud-init
case " $cmdline " in
  *" cloud-init=disabled "*) disabled=1 ;;
  *" cloud-init=enabled "*) disabled= ;;
  *) [ -e /etc/cloud/cloud-init.disabled ] && disabled=1 ;;
esac
if [ "$disabled" ]; then
  : >/run/cloud-init/disabled
  exit
fi
: >/run/cloud-init/enabled
mkdir -p "$2/multi-user.target.wants" "$2/sysinit.target.wants"
ln -sf /lib/systemd/system/cloud-init.target "$2/multi-user.target.wants/cloud-init.target"
ln -sf /etc/systemd/system/vitest-guest-cloud-init.service "$2/sysinit.target.wants/vitest-guest-cloud-init.service"
`

function stage(args: string): string {
  return `[Unit]
Wants=vitest-guest-cloud-init.socket
After=vitest-guest-cloud-init.socket

[Service]
ExecStart=
ExecStart=${FOLDER}/cloud-init-stage ${args}
`
}

const dropIn = (unit: string) => `/etc/systemd/system/${unit}.service.d/vitest-guest.conf`

export const CLOUD_INIT_FILES: Readonly<Record<string, string>> = {
  [`${FOLDER}/cloud-init-stage`]: CLIENT,
  [`${FOLDER}/cloud-init-server`]: SERVER,
  '/etc/systemd/system/vitest-guest-cloud-init.socket': SOCKET_UNIT,
  '/etc/systemd/system/vitest-guest-cloud-init.service': SERVICE_UNIT,
  '/etc/systemd/system-generators/cloud-init-generator': GENERATOR,
  [dropIn('cloud-init-local')]: stage('init --local'),
  [dropIn('cloud-init')]: stage('init'),
  [dropIn('cloud-config')]: stage('modules --mode=config'),
  [dropIn('cloud-final')]: stage('modules --mode=final'),
}
