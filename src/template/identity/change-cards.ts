/**
 * The part of the resume agent that gives a clone's network cards other MACs and addresses: Python code, frozen in every template. What
 * manages the cards is determined before the freeze, so that it cannot turn out impossible in a clone.
 *
 * In all files that cloud-init, netplan or a person wrote for these programs, the old MAC and address are replaced by the new ones, so
 * that a reboot keeps them. Until then:
 *
 * - systemd-networkd reads them again (Reload, over the bus; networkctl costs 0.3 s under emulation). The card itself gets its MAC by
 *   ioctl (SIOCSIFHWADDR); QEMU's card follows, and has it from the command line after a reboot.
 * - NetworkManager, and systemd-networkd with netplan's files, match the card's permanent MAC, which no ioctl changes. So the card is
 *   unbound from its driver, which resets it to the MAC of QEMU's command line, and bound again.
 * - ifupdown does not run between its calls: ifdown with the old files, ifup with the new ones.
 */
export const CHANGE_CARDS = `
SIOCGIFADDR, SIOCSIFADDR, SIOCSIFHWADDR, SIOCGIFHWADDR = 0x8915, 0x8916, 0x8924, 0x8927
NETWORK_FILES = '/etc/network/interfaces', '/etc/network/interfaces.d/*', '/etc/systemd/network/*', '/run/systemd/network/*', '/etc/netplan/*', '/etc/NetworkManager/system-connections/*', '/run/NetworkManager/system-connections/*', '/etc/sysconfig/network-scripts/ifcfg-*', '/etc/udev/rules.d/*'
BY_PERMANENT_MAC = '^PermanentMACAddress='
def is_active(unit):
    return not SYSTEMD or subprocess.run(['systemctl', 'is-active', '--quiet', unit]).returncode == 0
def shows(path, pattern):
    try:
        return re.search(pattern, read(path), re.MULTILINE) is not None
    except FileNotFoundError:
        return False
def manager_of(name):
    index = read('/sys/class/net/%s/ifindex' % name).strip()
    # An earlier process may have left such a file.
    if shows('/run/systemd/netif/links/' + index, '^ADMIN_STATE=configur(ed|ing)$') and is_active('systemd-networkd.service'):
        return 'networkd'
    if shows('/run/network/ifstate', '^%s=' % re.escape(name)):
        return 'ifupdown'
    # It creates its own profiles for what others have configured, such as lo.
    made = glob.glob('/run/NetworkManager/system-connections/%s.nmconnection' % glob.escape(name))
    if shows('/run/NetworkManager/devices/' + index, '^connection-uuid=') and not made and is_active('NetworkManager.service'):
        return 'NetworkManager'
    return ''
def goes_by_permanent_mac(manager):
    return manager == 'NetworkManager' or manager == 'networkd' and any(shows(path, BY_PERMANENT_MAC) for path in glob.glob('/run/systemd/network/*.network'))
def learn_cards():
    for device in glob.glob('/sys/class/net/*/device'):
        name = device.split('/')[-2]
        manager = manager_of(name)
        replugs = goes_by_permanent_mac(manager)
        if not manager:
            return '%s is managed by none of systemd-networkd, NetworkManager and ifupdown' % name
        if replugs and not os.path.exists(device + '/driver/unbind'):
            return '%s cannot be plugged in again' % name
        if replugs and glob.glob('/sys/class/net/%s/upper_*' % name):
            return 'other network devices stand on %s' % name
        managers[name] = manager, replugs
    return ''
managers = {}
def call_bus(destination, path, interface, member):
    def padded(data):
        return data + b'\\0' * (-len(data) % 8)
    def call(serial, destination, path, interface, member):
        fields = b''
        for code, kind, text in (1, b'o', path), (2, b's', interface), (3, b's', member), (6, b's', destination):
            fields = padded(fields) + bytes([code, 1]) + kind + b'\\0' + struct.pack('<I', len(text)) + text + b'\\0'
        return padded(struct.pack('<cBBBIII', b'l', 1, 0, 1, 0, serial, len(fields)) + fields)
    bus = open_bus('/run/dbus/system_bus_socket')
    bus.sendall(call(1, b'org.freedesktop.DBus', b'/org/freedesktop/DBus', b'org.freedesktop.DBus', b'Hello'))
    bus.sendall(call(2, destination, path, interface, member))
    heard, returns = b'', 0
    # Signals (4) arrive as well. A caller that disconnects before the answer is ignored.
    while returns < 2:
        while len(heard) < 16 or len(heard) < message_length(heard):
            part = bus.recv(4096)
            if not part:
                raise OSError('the bus has hung up')
            heard += part
        if heard[1] == 3:
            raise OSError('%s: %s' % (member.decode(), heard[:message_length(heard)].decode('ascii', 'replace')))
        returns += heard[1] == 2
        heard = heard[message_length(heard):]
    bus.close()
def message_length(heard):
    body, serial, fields = struct.unpack_from('<III', heard, 4)
    return 16 + fields + -fields % 8 + body
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
def set_mac(name, mac):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        fcntl.ioctl(end, SIOCSIFHWADDR, struct.pack('16sH6s16x', name.encode(), 1, bytes.fromhex(mac.replace(':', ''))))
        # Remove the address first, so that the new one is noticed even if it is the same.
        fcntl.ioctl(end, SIOCSIFADDR, struct.pack('16sH22x', name.encode(), socket.AF_INET))
def run(patience, *command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=patience)
    if done.returncode:
        raise OSError('%s failed: %s' % (' '.join(command), done.stdout.decode(errors='replace').strip()[-500:]))
def change_cards(cards, patience):
    if not cards:
        return
    names = {manager: [card['name'] for card in cards if managers[card['name']][0] == manager] for manager in ('networkd', 'NetworkManager', 'ifupdown')}
    drivers = {}
    for name in names['ifupdown']:
        run(patience, 'ifdown', '--force', name)
    for card in cards:
        name = card['name']
        if managers[name][1]:
            device = os.path.realpath('/sys/class/net/%s/device' % name)
            drivers[device] = os.path.realpath(device + '/driver')
            write(drivers[device] + '/unbind', os.path.basename(device))
        else:
            set_mac(name, card['to']['macAddress'])
    words = {old.lower(): card['to'][key] for card in cards for key, old in card['from'].items()}
    for pattern in NETWORK_FILES:
        for path in glob.glob(pattern):
            if os.path.isfile(path):
                replace_in(path, words)
    for card in cards:
        if managers[card['name']][1]:
            # If no other file names it, cloud-init does at boot; sorted before 99-default.link.
            os.makedirs('/run/systemd/network', exist_ok=True)
            write('/run/systemd/network/98-vitest-guest-%s.link' % card['name'], '[Match]\\nMACAddress=%s\\n[Link]\\nName=%s\\n' % (card['to']['macAddress'], card['name']))
    if drivers:
        tell_to_reload('systemd-udevd')
    if names['networkd']:
        call_bus(b'org.freedesktop.network1', b'/org/freedesktop/network1', b'org.freedesktop.network1.Manager', b'Reload')
    if names['NetworkManager']:
        call_bus(b'org.freedesktop.NetworkManager', b'/org/freedesktop/NetworkManager/Settings', b'org.freedesktop.NetworkManager.Settings', b'ReloadConnections')
    for device, driver in drivers.items():
        write(driver + '/bind', os.path.basename(device))
    for name in names['ifupdown']:
        run(patience, 'ifup', name)
    deadline = time.monotonic() + patience
    for card in cards:
        while address_of(card['name']) != card['to']['address']:
            if time.monotonic() > deadline:
                raise OSError('%s left %s at %s' % (managers[card['name']][0], card['name'], address_of(card['name']) or 'no address'))
            time.sleep(0.005)
`
