/**
 * cloud-init 22.4 starts Python anew for each of its four stages and imports the same 600 modules each time: 4.4 of the
 * 12.4 G instructions of a boot to its end. Here one process imports them once, from the moment the root is mounted,
 * while systemd starts, and forks a child per stage; cloud-init has done much the same itself since 24.3
 * (`--all-stages`). The units start a small client that hands over its arguments, descriptors and environment, so that
 * a stage's journal, console output and left-over children are where they would be otherwise. If anything is amiss,
 * the client runs the stage the old way.
 */
const FOLDER = '/usr/lib/vitest-guest'
/** In the abstract namespace: it is there before /run is. Both ends see to it that the other one is root. */
const SOCKET = '\\0vitest-guest-cloud-init'

const STAGE = `#!/usr/bin/python3 -IS
# Has a cloud-init stage run by cloud-init-server, which has everything imported; exits as the stage does.
import _socket
import os
import sys

stage = sys.argv[1:]
answer = b""
try:
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    server.connect("${SOCKET}")
    credentials = server.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    if credentials[4:8] == bytes(4):
        descriptors = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (0, 1, 2))
        server.sendmsg(["\\0".join(stage).encode()], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
        answer = server.recv(16)
except OSError:
    pass
if answer:
    sys.exit(int(answer))
os.execv("/usr/bin/cloud-init", ["cloud-init", *stage])
`

const SERVER = `#!/usr/bin/python3 -I
# Imports cloud-init once and runs its stages as forks of this process, for cloud-init-stage. Started in the initramfs.
import atexit
import gc
import importlib
import os
import socket
import struct
import sys

SOONER = "cloudinit.sources.DataSourceNoCloud cloudinit.distros.debian cloudinit.net.networkd"
# What the later stages import as they go: done here while the first one runs.
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
cloudinit.config.cc_write_files cloudinit.config.cc_write_files_deferred cloudinit.mergers.m_dict
cloudinit.mergers.m_list cloudinit.mergers.m_str email.generator jinja2.ext
"""


def load(names):
    for name in names.split():
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # then the stage that needs it says so


def read_yaml_fast():
    # Half the time of a stage goes into reading the same few files with a parser written in Python.
    import yaml
    from cloudinit import safeyaml

    class Loader(yaml.CSafeLoader):
        def construct_python_unicode(self, node):
            return self.construct_scalar(node)

    Loader.add_constructor("tag:yaml.org,2002:python/unicode", Loader.construct_python_unicode)
    safeyaml._CustomSafeLoader = Loader


def learn():
    # Remembered by cloud-init itself, in each of its processes.
    from cloudinit import util

    util.is_container()
    util.get_cmdline()
    util.system_info()


def become(client, request, descriptors):
    pid, uid, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid != 0:
        os._exit(1)
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
    os.umask(0o022)
    gc.enable()
    sys.argv = ["/usr/bin/cloud-init", *request]


def finish(code):
    # Without taking the interpreter apart, object by object, in pages that are all still shared.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def serve():
    client, _ = listener.accept()
    message, descriptors, _, _ = socket.recv_fds(client, 4096, 3)
    request = message.decode().split("\\0")
    learn()
    gc.freeze()
    child = os.fork()
    if child == 0:
        become(client, request, descriptors)
        finish(main.main())
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


listener = socket.socket(socket.AF_UNIX)
listener.bind("${SOCKET}")
listener.listen()
listener.settimeout(1800)  # and leave, if nobody ever asks
gc.disable()  # it would only go through the modules again and again
sys.modules["chardet"] = None  # requests does as well with charset_normalizer, which it loads anyway
from cloudinit.cmd import main

load(SOONER)
del sys.modules["chardet"]
read_yaml_fast()
while serve()[-1] != "--mode=final":
    pass
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
mkdir -p "$2/multi-user.target.wants"
ln -sf /lib/systemd/system/cloud-init.target "$2/multi-user.target.wants/cloud-init.target"
`

function stage(args: string): string {
  return `[Service]
ExecStart=
ExecStart=${FOLDER}/cloud-init-stage ${args}
`
}

const dropIn = (unit: string) => `/etc/systemd/system/${unit}.service.d/vitest-guest.conf`

export const CLOUD_INIT_FILES: Readonly<Record<string, string>> = {
  [`${FOLDER}/cloud-init-stage`]: STAGE,
  [`${FOLDER}/cloud-init-server`]: SERVER,
  '/etc/systemd/system-generators/cloud-init-generator': GENERATOR,
  [dropIn('cloud-init-local')]: stage('init --local'),
  [dropIn('cloud-init')]: stage('init'),
  [dropIn('cloud-config')]: stage('modules --mode=config'),
  [dropIn('cloud-final')]: stage('modules --mode=final'),
}
