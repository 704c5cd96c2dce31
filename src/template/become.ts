/**
 * The part of the waker by which a clone becomes another guest: Python, that is frozen in every template. `become` takes a
 * NewIdentity and returns what the machine is then, by what the kernel says.
 *
 * - The MAC address is set by ioctl (SIOCSIFHWADDR); QEMU's card follows, and has the same by its command line after a reboot.
 * - The address is set by systemd-networkd, which would otherwise put the old one back when the link goes down and up: in the files
 *   that cloud-init or netplan wrote, the old MAC and the old address give way to the new ones, and networkd is told to read them
 *   (Reload, over the bus; networkctl costs 0.3 s under emulation).
 * - journald (252) goes on writing under the machine ID that it began with, to a link of that name; journalctl reads the folder.
 * - sshd reads its host key when it starts, or is told to start over (SIGHUP).
 */
export const BECOME = `
def write(path, text):
    with open(path, 'w') as file:
        file.write(text)
def read(path):
    with open(path) as file:
        return file.read()
def replace_in(path, words):
    pattern = r'(?<![\\w.:-])(?:%s)(?![\\w.:-])' % '|'.join(re.escape(word) for word in words)
    text = read(path)
    changed = re.sub(pattern, lambda found: words[found.group().lower()], text, flags=re.IGNORECASE)
    if changed != text:
        write(path, changed)
def tell_networkd():
    def padded(data):
        return data + b'\\0' * (-len(data) % 8)
    def call(serial, destination, path, interface, member):
        fields = b''
        for code, kind, text in (1, b'o', path), (2, b's', interface), (3, b's', member), (6, b's', destination):
            fields = padded(fields) + bytes([code, 1]) + kind + b'\\0' + struct.pack('<I', len(text)) + text + b'\\0'
        return padded(struct.pack('<cBBBIII', b'l', 1, 0, 1, 0, serial, len(fields)) + fields)
    bus = open_bus('/run/dbus/system_bus_socket')
    bus.sendall(call(1, b'org.freedesktop.DBus', b'/org/freedesktop/DBus', b'org.freedesktop.DBus', b'Hello'))
    bus.sendall(call(2, b'org.freedesktop.network1', b'/org/freedesktop/network1', b'org.freedesktop.network1.Manager', b'Reload'))
    return bus
def ask_card(request, name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        return fcntl.ioctl(end, request, struct.pack('16s24x', name.encode()))
def mac_of(name):
    return ':'.join('%02x' % byte for byte in ask_card(SIOCGIFHWADDR, name)[18:24])
def address_of(name):
    try:
        return socket.inet_ntoa(ask_card(SIOCGIFADDR, name)[20:24])
    except OSError:
        return ''
def change_cards(cards):
    if not cards:
        return
    for card in cards:
        mac = bytes.fromhex(card['to']['macAddress'].replace(':', ''))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            fcntl.ioctl(end, SIOCSIFHWADDR, struct.pack('16sH6s16x', card['name'].encode(), 1, mac))
            # None from here on, so that the new one is seen to come even if it is the same.
            fcntl.ioctl(end, SIOCSIFADDR, struct.pack('16sH22x', card['name'].encode(), socket.AF_INET))
    words = {old.lower(): card['to'][key] for card in cards for key, old in card['from'].items()}
    for folder in NETWORK_FOLDERS:
        for path in glob.glob(folder + '/*'):
            if os.path.isfile(path):
                replace_in(path, words)
    # Whoever hangs up is not listened to.
    bus = tell_networkd()
    deadline = time.monotonic() + 30
    for card in cards:
        while address_of(card['name']) != card['to']['address']:
            if time.monotonic() > deadline:
                raise OSError('networkd left %s at %s' % (card['name'], address_of(card['name']) or 'no address'))
            time.sleep(0.005)
    bus.close()
def change_hosts(old, new, ours):
    text = re.sub(r'(?ms)^# vitest-guest: .*?^# vitest-guest end\\n', '', read('/etc/hosts'))
    own = r'(?<![\\w.-])%s(?![\\w-])' % re.escape(old)
    lines = [re.sub(own, new, line) if line.startswith('127.') else line for line in text.splitlines(True)]
    write('/etc/hosts', ''.join(lines) + ours)
def change_machine_id(new):
    old = read('/etc/machine-id').strip()
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
    for pid in filter(str.isdigit, os.listdir('/proc')):
        if parent_and_name(pid) == ('1', 'sshd'):
            os.kill(int(pid), 1)
def become(wanted):
    old, new = wanted['hostname']['from'], wanted['hostname']['to']
    # First, as sshd takes its time.
    change_host_key(wanted['hostKey'], wanted['hostPublicKey'])
    socket.sethostname(new)
    write('/etc/hostname', new + '\\n')
    change_hosts(old, new, wanted['hosts'])
    change_machine_id(wanted['machineId'])
    change_cards(wanted['cards'])
    cards = [{'macAddress': mac_of(card['name']), 'address': address_of(card['name'])} for card in wanted['cards']]
    return {'hostname': socket.gethostname(), 'machineId': read('/etc/machine-id').strip(), 'cards': cards}
def is_changeable():
    return os.path.isdir('/run/systemd/netif/links') and os.path.exists('/run/dbus/system_bus_socket')
`
