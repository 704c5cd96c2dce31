import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { HostError } from '../errors.ts'
import { qemuEnvironment } from '../host/environment.ts'
import { requireStreams } from '../host/program/require-streams.ts'
import { qemuFolder } from '../host/files/state-folder.ts'
import { requireTool } from '../host/program/tools.ts'
import { letGo } from '../host/program/let-go.ts'
import { Qmp } from '../qmp/qmp.ts'
import { held } from '../lifetime/hold.ts'
import { until } from '../lifetime/until.ts'
import { CONSOLE_FD, qemuArguments, QMP_FD, AGENT_FD, type MachineConfig } from './command-line.ts'
import { confined, type Needs } from './confine.ts'
import { Console } from './console.ts'
import { killInside } from './kill-inside.ts'
import { openFiles } from './open-files.ts'
import { Panics } from './panics.ts'

export interface MachineExit {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly stderr: string
  /** QEMU's reason (`guest-shutdown`, `host-qmp-quit`, …); undefined when it gave none. */
  readonly reason: string | undefined
}

/** A QEMU process. Disposing cuts its power. */
export interface Machine extends AsyncDisposable {
  readonly qmp: Qmp
  readonly console: Console
  readonly panics: Panics
  /** The other end of the guest's second serial port. */
  readonly agentPort: Duplex
  readonly command: string
  readonly exit: MachineExit | undefined
  readonly exited: Promise<MachineExit>
}

export interface StartOptions {
  /** The machine's network: QEMU runs inside it, and works in its folder. */
  network: {
    readonly kind: Needs['kind']
    readonly stateFolder: string
    inside(command: readonly string[]): [string, ...string[]]
  }
  /** The descriptor of the frozen state to restore, if any. */
  state?: number | undefined
  signal?: AbortSignal | undefined
}

/** Starts QEMU and negotiates QMP. @throws HostError when QEMU is not installed, or exits at once, with its stderr */
export async function startMachine(config: MachineConfig, { network, state, signal }: StartOptions): Promise<Machine> {
  const qemu = requireTool('qemu-system-x86_64')
  signal?.throwIfAborted()
  const child = spawnQemu(qemu, config, { network, state })
  requireStreams(child, [qemu])
  letGo(child)
  let stderr = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-20_000)))
  }
  const ends = child.stdio as unknown as readonly Duplex[]
  const qmp = new Qmp(ends[QMP_FD] as Duplex)
  const console = new Console(ends[CONSOLE_FD] as Duplex)
  const panics = new Panics(console, qmp)
  const agentPort = ends[AGENT_FD] as Duplex
  agentPort.on('error', () => {})

  let reason: string | undefined
  qmp.onEvent(({ event, data }) => {
    if (event === 'SHUTDOWN') reason = String(data?.['reason'])
    // A machine that is off may be started again.
    if (event === 'RESET') reason = undefined
  })
  let exit: MachineExit | undefined
  // 'close' follows when QEMU's ends of the pipes are closed, so it means the end of QEMU, not only of its parent.
  const exited = new Promise<MachineExit>((resolve) => {
    const settle = (exitCode: number | null, by: string | null) => {
      exit = { exitCode: exitCode ?? undefined, signal: by ?? undefined, stderr, reason }
      resolve(exit)
    }
    child.once('error', () => settle(null, null))
    child.once('close', settle)
  })
  const dispose = async () => {
    killInside(child)
    await held(() => exited)
  }

  const command = child.spawnargs.join(' ')
  try {
    await until(signal, qmp.execute('qmp_capabilities'))
  } catch (cause) {
    if (signal?.aborted) {
      await dispose()
      throw cause
    }
    await Promise.race([exited, dispose()])
    throw new HostError('QEMU exited before the guest started', {
      command,
      exitCode: exit?.exitCode,
      signal: exit?.signal,
      stderr,
      cause,
      hint: 'Its output is above. Run npx vitest-guest doctor to see whether this host can boot a guest.',
    })
  }
  return {
    qmp,
    console,
    panics,
    agentPort,
    command,
    get exit() {
      return exit
    },
    exited,
    [Symbol.asyncDispose]: dispose,
  }
}

function spawnQemu(qemu: string, config: MachineConfig, { network, state }: StartOptions): ChildProcess {
  using files = openFiles(config)
  // QEMU is a grandchild, started by the process that enters the PID namespace, and dies with that process.
  const command = confined([qemu, ...qemuArguments(config)], { accel: config.accel, kind: network.kind })
  const [file, ...args] = network.inside(command)
  const cwd = qemuFolder(network.stateFolder)
  return spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', state ?? 'ignore', ...files.handed],
    detached: true,
    cwd,
    env: qemuEnvironment(),
  })
}
