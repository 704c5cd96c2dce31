import { CHANGE_CARDS } from './change-cards.ts'

/**
 * The part of the resume agent that makes a clone another guest: Python code, frozen in every template. `become` takes a
 * NewIdentity and returns the resulting identity according to the kernel.
 *
 * - journald (252) continues to write under its first machine ID, to a link of that name; journalctl reads the folder.
 * - sshd reads its host key when it starts, or is restarted by SIGHUP.
 */
export const APPLY_IDENTITY = `
def write(path, text):
    with open(path, 'w', errors='surrogateescape') as file:
        file.write(text)
def read(path):
    with open(path, errors='surrogateescape') as file:
        return file.read()
def replace_in(path, words):
    pattern = r'(?<![\\w.:-])(?:%s)(?![\\w.:-])' % '|'.join(re.escape(word) for word in words)
    text = read(path)
    changed = re.sub(pattern, lambda found: words[found.group().lower()], text, flags=re.IGNORECASE)
    if changed != text:
        write(path, changed)
def tell_to_reload(daemon):
    for pid in filter(str.isdigit, os.listdir('/proc')):
        if parent_and_name(pid) == ('1', daemon):
            os.kill(int(pid), 1)
${CHANGE_CARDS}
def change_hosts(old, new, ours):
    text = re.sub(r'(?ms)^# vitest-guest: .*?^# vitest-guest end\\n', '', read('/etc/hosts'))
    own = r'(?<![\\w.-])%s(?![\\w-])' % re.escape(old)
    lines = [re.sub(own, new, line) if line.startswith('127.') else line for line in text.splitlines(True)]
    write('/etc/hosts', ''.join(lines) + ours)
def machine_id():
    return read('/etc/machine-id').strip() if os.path.exists('/etc/machine-id') else ''
def change_machine_id(new):
    old = machine_id()
    # Without systemd there may be none.
    if not old:
        return
    for folder in '/var/log/journal/', '/run/log/journal/':
        if os.path.isdir(folder + old):
            os.rename(folder + old, folder + new)
            os.symlink(new, folder + old)
    write('/etc/machine-id', new + '\\n')
    if os.path.isfile('/var/lib/dbus/machine-id') and not os.path.islink('/var/lib/dbus/machine-id'):
        write('/var/lib/dbus/machine-id', new + '\\n')
def change_host_key(private, public):
    write('/etc/ssh/ssh_host_ed25519_key', private)
    write('/etc/ssh/ssh_host_ed25519_key.pub', public + '\\n')
    tell_to_reload('sshd')
def apply_identity(wanted):
    old, new = wanted['hostname']['from'], wanted['hostname']['to']
    # First, because sshd is slow.
    change_host_key(wanted['hostKey'], wanted['hostPublicKey'])
    socket.sethostname(new)
    write('/etc/hostname', new + '\\n')
    change_hosts(old, new, wanted['hosts'])
    had_machine_id = machine_id() != ''
    change_machine_id(wanted['machineId'])
    change_cards(wanted['cards'], wanted['patience'])
    cards = [{'macAddress': mac_of(card['name']), 'address': address_of(card['name'])} for card in wanted['cards']]
    return {'hostname': socket.gethostname(), 'machineId': machine_id() if had_machine_id else wanted['machineId'], 'cards': cards}
`
