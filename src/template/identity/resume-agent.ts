import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { BootError } from '../../errors.ts'
import { APPLY_IDENTITY } from './apply-identity.ts'
import { boundedLines } from './bounded-lines.ts'
import { FreezeError } from '../freeze.ts'
import { IdentityError, requireIdentity, type NewIdentity } from './identity.ts'
import { until } from '../../lifetime/until.ts'

/** Each is a byte of entropy, although it is sent, and fed to the pool, as two hexadecimal digits. */
const SEED_BYTES = 64

/**
 * The resume agent: a program in every frozen machine, and the first to run after the thaw. It waits on the second
 * serial port, so it answers before any SSH connection could, without the cost of starting a program in a guest that has
 * just been restored. It ends when its work is done, and leaves nothing in the guest.
 *
 * In Python, because cloud-init is: every image that accepts a seed has it. Numbers: linux/random.h.
 */
const PROGRAM = `
import fcntl, glob, json, os, re, socket, struct, subprocess, sys, termios, time, tty
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207
SYSTEMD = os.path.isdir('/run/systemd/system')
port = os.open('/dev/ttyS1', os.O_RDWR | os.O_NOCTTY)
tty.setraw(port)
settings = termios.tcgetattr(port)
settings[4] = settings[5] = termios.B115200
termios.tcsetattr(port, termios.TCSANOW, settings)
def tell(text):
    os.write(port, (text + '\\n').encode())
def lines():
    rest = b''
    while True:
        rest += os.read(port, 4096)
        *whole, rest = rest.split(b'\\n')
        yield from whole
def ssh_connections():
    count = 0
    for table in '/proc/net/tcp', '/proc/net/tcp6':
        try:
            with open(table) as rows:
                for row in list(rows)[1:]:
                    local, state = row.split()[1], row.split()[3]
                    # Neither listening nor closed ones.
                    count += local.endswith(':0016') and state not in ('0A', '06')
        except FileNotFoundError:
            pass
    return count
def ssh_sessions():
    try:
        return sum(1 for name in os.listdir('/run/systemd/sessions') if not name.endswith('.ref') and 'STATE=active' in open('/run/systemd/sessions/' + name).read())
    except FileNotFoundError:
        return 0
def parent_and_name(pid):
    try:
        with open('/proc/%s/stat' % pid) as stat:
            name, rest = stat.read().split('(', 1)[1].rsplit(')', 1)
            return rest.split()[1], name
    except FileNotFoundError:
        return '0', ''
def hang_up():
    processes = {pid: parent_and_name(pid) for pid in os.listdir('/proc') if pid.isdigit()}
    for pid, (parent, name) in processes.items():
        # The children of the listening sshd; 'sshd-session' since OpenSSH 9.8.
        if name.startswith('sshd') and processes.get(parent, ('', ''))[1] == 'sshd':
            os.kill(int(pid), 15)
def open_bus(path):
    bus = socket.socket(socket.AF_UNIX)
    bus.settimeout(20)
    bus.connect(path)
    bus.sendall(b'\\0AUTH EXTERNAL 30\\r\\n')
    if not bus.recv(4096).startswith(b'OK'):
        raise OSError('%s does not let us in' % path)
    bus.sendall(b'BEGIN\\r\\n')
    return bus
def news(bus):
    if not SYSTEMD:
        return b''
    heard = b''
    try:
        while True:
            part = bus.recv(65536)
            if not part:
                # It closed the connection, so the state is unknown.
                return b'failed'
            heard += part
    except BlockingIOError:
        return heard
def failed_units():
    command = ['systemctl', 'list-units', '--state=failed', '--plain', '--no-legend']
    shown = subprocess.run(command, stdout=subprocess.PIPE).stdout.decode() if SYSTEMD else ''
    return [line.split()[0] for line in shown.splitlines() if line]
${APPLY_IDENTITY}
try:
    before = failed_units()
    # On this socket systemd reports every unit that changes.
    bus = open_bus('/run/systemd/private') if SYSTEMD else socket.socket(socket.AF_UNIX)
    bus.setblocking(False)
    patience = float(sys.argv[1])
    deadline = time.monotonic() + patience
    while patience and (ssh_connections() or ssh_sessions()):
        if time.monotonic() > deadline:
            raise OSError('an SSH session does not end')
        time.sleep(0.05)
    if patience:
        # cloud-init flushes nothing, and a crash of a clone loses what is only in the template's RAM, such as sshd's host key.
        os.sync()
    random = os.open('/dev/urandom', os.O_WRONLY)
    # Only a frozen machine becomes another guest.
    tell('armed ' + (learn_cards() if patience else ''))
    for line in lines():
        if line.startswith(b'seed '):
            # Without checking, because it must be done before sshd draws random numbers.
            fcntl.ioctl(random, RNDADDENTROPY, struct.pack('ii', ${8 * SEED_BYTES}, len(line)) + line)
            fcntl.ioctl(random, RNDRESEEDCRNG)
            continue
        if line == b'done':
            break
        if line == b'hang up':
            hang_up()
            tell('hung up')
            continue
        if line.startswith(b'become '):
            tell('became ' + json.dumps(apply_identity(json.loads(line[7:]))))
            # A crash at any time must not restore the old identity.
            os.sync()
            continue
        news(bus)
        time.clock_settime(time.CLOCK_REALTIME, float(line))
        tell('awake %.6f' % time.time())
    # Each message has the unit's whole state; usually none has failed, and no program need be started.
    suspects = failed_units() if b'failed' in news(bus) else []
    tell('failed ' + ' '.join(unit for unit in suspects if unit not in before))
except Exception as error:
    tell('%s: %s' % (type(error).__name__, error))
`

/** Seconds for the sessions that prepared the machine to end, with or without KVM. */
const SESSIONS_BUDGET = 30
/** What the resume agent prints once it is waiting, followed by the reason why the machine cannot change its identity, if any. */
const ARMED = 'armed '
/** How far the guest's clock may be from the host's, in milliseconds. */
const CLOCK_TOLERANCE = 500
/** Characters of an answer that an error shows. */
const QUOTED = 400
/** On a busy host an answer may be too late to be sure of the clock; then the guest is asked again. */
const CLOCK_TRIES = 10

/** The command that starts the resume agent, apart from its own session. SSH sessions may stay, or are waited for until they have ended. */
export function armCommand(sessions: 'stay' | 'end'): string {
  const run = ['--quiet', '--collect', '--unit=vitest-guest-resume-agent', '--service-type=exec']
  return `set -- "$(command -v python3)" -I -S -c '${quoted(PROGRAM)}' ${sessions === 'end' ? SESSIONS_BUDGET : 0}
[ "$1" ] || { echo python3: not found >&2; exit 127; }
[ -d /run/systemd/system ] && exec systemd-run ${run.join(' ')} -- "$@"
setsid "$@" </dev/null >/dev/null 2>&1 &`
}

function quoted(text: string): string {
  return text.replaceAll("'", `'\\''`)
}

/** Sets a guest's clock: `ask` sends the time, in seconds, and resolves with the clock's reading. @throws BootError when it stays off */
export async function agreeOnTime(ask: (now: string) => Promise<string>, hint: string): Promise<void> {
  let error = Infinity
  for (let tried = 0; tried < CLOCK_TRIES; tried++) {
    const sentAt = Date.now()
    const guests = parseFloat(await ask((sentAt / 1000).toFixed(3))) * 1000
    // The guest read its clock at some moment between our two readings.
    error = Math.max(Math.abs(guests - sentAt), Math.abs(Date.now() - guests))
    if (error <= CLOCK_TOLERANCE) return
  }
  throw new BootError(`The guest's clock is ${error} ms off the host's; at most ${CLOCK_TOLERANCE} ms are accepted`, {
    hint,
  })
}

/** The host's side of the resume agent's serial port. One resume agent talks there at a time. */
export class ResumeAgentPort {
  readonly #port: Duplex
  readonly #lines: ReturnType<typeof boundedLines>
  /** The resume agent's next answer, if it is already being waited for. */
  #next: Promise<string[]> | undefined

  constructor(port: Duplex) {
    this.#port = port
    this.#lines = boundedLines(port)
  }

  /** Resolves once the agent waits, with why the machine cannot become another guest, or an empty string. @throws FreezeError */
  async armed(signal: AbortSignal): Promise<string> {
    const [said] = (await once(this.#lines, 'line', { signal })) as [string]
    if (!said.startsWith(ARMED)) throw new FreezeError(`The guest cannot be frozen: ${said.slice(0, QUOTED)}`)
    return said.slice(ARMED.length, ARMED.length + QUOTED)
  }

  /** All steps of resuming, one after the other. @throws BootError when one fails. */
  async resume(signal: AbortSignal): Promise<void> {
    this.reseed()
    await this.setClock(signal)
    await this.settle(signal)
  }

  /** Checks that the jump made no unit fail, as far as systemd has processed it. The resume agent then ends. */
  async settle(signal: AbortSignal): Promise<void> {
    const [units] = await this.#ask('done', /^failed (.*)$/, signal)
    if (units) {
      throw new BootError(`Units failed when the guest's clock was set: ${units}`, {
        hint: "Boot this guest with start: 'cold', or fix the units.",
      })
    }
  }

  /** Makes the machine another guest; `patience` is for its network, in milliseconds. @throws IdentityError when that fails */
  async applyIdentity(identity: NewIdentity, patience: number, signal: AbortSignal): Promise<void> {
    const wish = JSON.stringify({ ...identity, patience: patience / 1000 })
    const [answer, reason = ''] = await this.#ask(`become ${wish}`, /^became (.*)$|^(.*)$/, signal)
    if (answer === undefined) throw new IdentityError(reason.slice(0, QUOTED))
    requireIdentity(identity, answer)
  }

  /** Ends the SSH sessions in the guest whose clients are gone. */
  async hangUp(signal: AbortSignal): Promise<void> {
    await this.#ask('hang up', /^(hung up)$/, signal)
  }

  /** Feeds the entropy pool and reseeds its generator. The resume agent reports only a failure, in its answer to the next request. */
  reseed(): void {
    this.#next = once(this.#lines, 'line') as Promise<string[]>
    this.#next.catch(() => {})
    this.#port.write(`seed ${randomBytes(SEED_BYTES).toString('hex')}\n`)
  }

  /** @throws BootError when the clock stays off. */
  async setClock(signal: AbortSignal): Promise<void> {
    const ask = async (now: string) => (await this.#ask(now, /^awake (\S+)$/, signal))[0] ?? ''
    await agreeOnTime(ask, 'Is the host too busy to run the guest?')
  }

  async #ask(request: string, expected: RegExp, signal: AbortSignal): Promise<string[]> {
    const answered = this.#next ?? (once(this.#lines, 'line', { signal }) as Promise<string[]>)
    this.#next = undefined
    this.#port.write(`${request}\n`)
    const [line = ''] = await until(signal, answered)
    const match = expected.exec(line)
    if (!match) throw new BootError(`The guest did not resume properly: ${line.slice(0, QUOTED)}`)
    return match.slice(1)
  }
}
