import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import ssh2, { type Client, type Connection, type ServerChannel } from 'ssh2'
import { connectSsh } from '../../src/ssh/connect.ts'
import { makeCredentials, type Credentials } from '../../src/seed/credentials.ts'

export interface SshServer extends AsyncDisposable {
  readonly credentials: Credentials
  readonly port: number
  readonly commands: ChildProcess[]
  /** Ends every connection without a message. */
  cut(): void
  dial(): Promise<Socket>
}

/** The server's guest; may be changed while it runs, for later commands. */
export interface GuestShell {
  /** @default '/bin/sh' */
  program: string
  env: NodeJS.ProcessEnv
  /** The start-up files of its shell, as a script. */
  startUp: string
}

const SIGNAL_NUMBERS = { KILL: 9, TERM: 15 } as const

/** A real SSH server on 127.0.0.1 that runs commands with /bin/sh, like sshd. */
export async function startSshServer(shell: Partial<GuestShell> = {}): Promise<SshServer> {
  const credentials = makeCredentials('correct horse')
  const commands: ChildProcess[] = []
  const connections = new Set<Connection>()
  const sockets = new Set<Socket>()
  const clientKey = ssh2.utils.parseKey(credentials.clientPublicKey)
  if (clientKey instanceof Error) throw clientKey

  const server = new ssh2.Server({ hostKeys: [credentials.hostKey] }, (connection) => {
    connections.add(connection)
    connection.on('error', () => {}).on('close', () => connections.delete(connection))
    connection.on('authentication', (attempt) => {
      const isPassword = attempt.method === 'password' && attempt.password === credentials.rootPassword
      const isKey = attempt.method === 'publickey' && clientKey.getPublicSSH().equals(attempt.key.data)
      if (attempt.username === 'root' && (isPassword || isKey)) attempt.accept()
      else attempt.reject(['publickey', 'password'])
    })
    connection.on('session', (acceptSession) => {
      const session = acceptSession()
      let child: ChildProcess | undefined
      session.on('signal', (accept: (() => void) | undefined, _reject, { name }) => {
        accept?.()
        if (child?.pid !== undefined) process.kill(-child.pid, SIGNAL_NUMBERS[name as 'KILL' | 'TERM'])
      })
      session.on('exec', (accept, _reject, { command }) => {
        child = serve(accept(), command, shell)
        commands.push(child)
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const cut = () => sockets.forEach((socket) => socket.destroy())
  return {
    credentials,
    port,
    commands,
    cut,
    dial: async () => {
      const socket = connect(port, '127.0.0.1')
      sockets.add(socket)
      await once(socket, 'connect')
      return socket
    },
    [Symbol.asyncDispose]: async () => {
      cut()
      for (const { pid, exitCode, signalCode } of commands) {
        if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 9)
      }
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** One of our clients, logged in by key. */
export async function logIn(to: SshServer): Promise<Client> {
  const { clientKey: privateKey, hostPublicKey } = to.credentials
  return connectSsh(await to.dial(), { user: 'root', privateKey, hostPublicKey }, AbortSignal.timeout(15_000))
}

function serve(channel: ServerChannel, command: string, shell: Partial<GuestShell>): ChildProcess {
  const { program = '/bin/sh', env = process.env, startUp = '' } = shell
  const child = spawn(program, ['-c', startUp === '' ? command : `${startUp}\n${command}`], { detached: true, env })
  channel.pipe(child.stdin).on('error', () => {})
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  // A client that closes the channel wants no more of the command's output.
  for (const stream of [channel, channel.stderr]) stream.on('error', () => {})
  child.on('close', (code, signal) => {
    // The types only allow a number; the client gets the signal's name without SIG (RFC 4254, 6.10).
    channel.exit((signal?.slice(3) ?? code) as number)
    channel.end()
  })
  return child
}
