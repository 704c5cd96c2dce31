import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import ssh2 from 'ssh2'
import type {
  AuthenticationType,
  Client,
  ClientErrorExtensions,
  ParsedKey,
  Algorithms,
  ServerHostKeyAlgorithm,
} from 'ssh2'
import { SshError } from '../errors.ts'
import { holdChannels } from './hold-channels.ts'
import { keepAlive } from './keep-alive.ts'

export interface Login {
  user: string
  /** `ssh-ed25519 AAAA…`: the only host key that is accepted. */
  hostPublicKey: string
  /** OpenSSH private key, PEM; tried before the password. */
  privateKey?: string
  password?: string
}

const HANDSHAKE = 'ssh handshake'
const AUTHENTICATION = 'ssh authentication'

/** Logs in to an sshd over a socket, which the client owns from then on. @throws SshError when refused or closed; the signal's reason */
export function connectSsh(socket: Duplex, login: Login, signal: AbortSignal): Promise<Client> {
  const client = new ssh2.Client()
  let phase = HANDSHAKE
  let hostKeyRefused = false
  return new Promise<Client>((resolve, reject) => {
    const fail = (error: Error) => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(error)
    }
    const onAbort = () => fail(signal.reason as Error)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })

    // Stays after 'ready', when rejecting has no effect: an 'error' without a listener ends the process.
    client.on('error', (cause) => fail(hostKeyRefused ? wrongHostKey() : explain(cause, phase, login)))
    client.on('close', () => fail(closed(phase)))
    client.on('handshake', () => (phase = AUTHENTICATION))
    client.on('ready', () => {
      signal.removeEventListener('abort', onAbort)
      keepAlive(client, socket)
      holdChannels(client)
      if (socket instanceof Socket) socket.unref()
      resolve(client)
    })
    // Every command that runs listens for the end of the connection.
    client.setMaxListeners(0)
    try {
      client.connect({
        sock: socket,
        username: login.user,
        ...(login.privateKey !== undefined && { privateKey: login.privateKey }),
        ...(login.password !== undefined && { password: login.password }),
        authHandler: authMethods(login),
        hostVerifier: (key: Buffer) => {
          hostKeyRefused = !key.equals(keyBlob(login.hostPublicKey))
          return !hostKeyRefused
        },
        algorithms: algorithmsFor(login.hostPublicKey),
        // The signal is the only clock.
        readyTimeout: 0,
      })
      signAtOnce(client)
      // ssh2 does not do it by itself, and Nagle's algorithm costs 40 ms for every small request. No-op on other sockets.
      client.setNoDelay(true)
    } catch (cause) {
      fail(explain(cause as Error, phase, login))
    }
  })
}

/** The private part of ssh2 1.x that `signAtOnce` needs. */
interface Protocol {
  authPK(user: string, key: ParsedKey, algorithm: string | undefined, sign?: Sign): void
}
type Sign = (data: Buffer, send: (signature: Buffer) => void) => void

/** Saves a request: ssh2 asks whether a key is acceptable before it signs. Has no effect on an ssh2 that keeps its protocol elsewhere. */
function signAtOnce(client: Client): void {
  const { _protocol: protocol } = client as { _protocol?: Partial<Protocol> }
  const authPK = protocol?.authPK?.bind(protocol)
  if (!protocol || !authPK) return
  protocol.authPK = (user, key, algorithm, sign) =>
    authPK(user, key, algorithm, sign ?? ((data, send) => send(key.sign(data))))
}

/**
 * OpenSSH delays its answers on purpose: by 5 to 10 ms, doubled until that exceeds the time it took (auth2.c,
 * `ensure_minimum_time_since`), except for `none`. The first request of a login takes it longest, so `none` comes first, which is also
 * ssh2's default. (Emulated: 296 ms with it, 381 without; with KVM a round trip.)
 */
function authMethods({ privateKey, password }: Login): AuthenticationType[] {
  const methods: AuthenticationType[] = ['none']
  if (privateKey !== undefined) methods.push('publickey')
  if (password !== undefined) methods.push('password')
  return methods
}

function keyBlob(publicKey: string): Buffer {
  return Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')
}

function explain(cause: Error & ClientErrorExtensions, phase: string, { user, privateKey, password }: Login): SshError {
  if (cause.level !== 'client-authentication') return new SshError(`SSH failed: ${cause.message}`, { phase, cause })
  const tried = [privateKey !== undefined && 'key', password !== undefined && 'password'].filter(Boolean).join(' and ')
  return new SshError(`The guest refused the login of ${user} (tried: ${tried || 'nothing'})`, {
    phase: AUTHENTICATION,
    cause,
    hint: 'Does cloud-init run in the image, and does its sshd_config include /etc/ssh/sshd_config.d? cloudConfig must not undo either.',
  })
}

function wrongHostKey(): SshError {
  return new SshError('The host key is not the one given to the guest', {
    phase: HANDSHAKE,
    hint: 'Another machine answers at this address, or cloud-init in the image ignored the seed and kept its own key.',
  })
}

function closed(phase: string): SshError {
  return new SshError('The guest closed the connection before the login was complete', {
    phase,
    hint: 'sshd does this when it cannot load its host key, or when too many logins are pending (MaxStartups).',
  })
}

/**
 * A short list; the later ones are for guests that refuse the first. The choice makes no difference to an emulated guest: 8 MB took
 * 1 to 2 s with each cipher, a handshake 0.2 s with each key exchange (Debian 12 in QEMU 7.2, TCG). No compression, ssh2's default.
 */
function algorithmsFor(hostPublicKey: string): Algorithms {
  return {
    kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'diffie-hellman-group14-sha256'],
    cipher: ['aes128-gcm@openssh.com', 'aes128-ctr', 'chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com'],
    // Only the type of the pinned key, so that a guest with several host keys presents that one.
    serverHostKey: [hostPublicKey.split(' ')[0] as ServerHostKeyAlgorithm],
  }
}
