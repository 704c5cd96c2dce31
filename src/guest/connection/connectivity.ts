import type { Duplex } from 'node:stream'
import type { RequestInit, Response } from 'undici'
import { oneOf, refuseUnknown } from '../../options/check.ts'
import { requirePort } from '../../options/port.ts'
import { guestHttp } from './fetch.ts'
import { forward, type Forward } from './forward.ts'
import { forwardUdp } from './forward-udp.ts'
import type { GuestContext } from '../guest-context.ts'
import type { WrittenConfig } from '../registry/guest-record.ts'

/** Connections to a guest's ports. */
export interface Connectivity {
  /**
   * Connects to a port of the guest. The connection is closed when the guest is reset, restored, or gone.
   * @throws GuestError for an invalid port; NetworkError when nothing answers there.
   */
  connect(port: number, signal?: AbortSignal): Promise<Duplex>
  /**
   * Sends an HTTP request to a server in the guest, as in `guest.fetch('http://guest:8080/health')`. The host of the URL is `guest`,
   * the guest's hostname, or its address. Everything else is undici's `fetch`: headers, body, redirect, signal. Connections are kept
   * alive for the next request. With `https:` the certificate is not verified; to verify it, pass the socket of
   * `guest.connect(443)` to `tls.connect`.
   * @throws GuestError for a URL of another host; NetworkError when nothing answers, or the connection breaks.
   */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>
  /**
   * Forwards a port on 127.0.0.1 to this port of the guest; closed with the guest at the latest. A forward to port 22 has an
   * `sshConfig` like the guest's, for programs that cannot run a ProxyCommand.
   * @throws BootError when the guest is gone; NetworkError for UDP on a `user` network
   */
  forward(port: 22): Promise<SshForward>
  forward(port: number | ForwardOptions): Promise<Forward>
}

export interface ForwardOptions {
  port: number
  /** @default 'tcp' */
  protocol?: 'tcp' | 'udp'
}

/** A forward to the guest's sshd. */
export interface SshForward extends Forward {
  /** Path of an ssh_config file: `ssh -F ${forward.sshConfig} ${guest.id}`. It is removed with the forward. */
  readonly sshConfig: string
}

interface ConnectivityParts extends GuestContext {
  readonly writeSshConfig: (localPort: number) => WrittenConfig
  readonly connect: Connectivity['connect']
}

const SSH_PORT = 22

function withSshConfig(forwarded: Forward, config: WrittenConfig): SshForward {
  return {
    ...forwarded,
    sshConfig: config.path,
    [Symbol.asyncDispose]: async () => {
      config[Symbol.dispose]()
      await forwarded[Symbol.asyncDispose]()
    },
  }
}

/** Also `hangUp`, which closes the kept-alive connections: after a restore they lead nowhere. */
export function connectivity(parts: ConnectivityParts): Connectivity & { hangUp(): void } {
  const { hostname, address, network, runState, writeSshConfig, connect, disposers } = parts
  const http = guestHttp({ hostname, address, connect })
  disposers.defer(() => http.hangUp())
  const forwardTo = async (to: number | ForwardOptions): Promise<Forward | SshForward> => {
    const { port, protocol = 'tcp' } = typeof to === 'object' ? refuseUnknown(to, ['port', 'protocol']) : { port: to }
    requirePort(port, 'guest.forward(8080)')
    oneOf('protocol', protocol, ['tcp', 'udp'])
    runState.requireThere()
    if (protocol === 'udp') {
      // Fails now if UDP is not supported; each client gets its own datagrams.
      const trial = await network.datagrams(address, port, () => {})
      trial.close()
      return disposers.use(await forwardUdp((onDatagram) => network.datagrams(address, port, onDatagram)))
    }
    const made = disposers.use(await forward(() => connect(port)))
    return port === SSH_PORT ? withSshConfig(made, writeSshConfig(made.port)) : made
  }
  return {
    connect,
    fetch: http.fetch,
    forward: forwardTo as Connectivity['forward'],
    hangUp: () => void http.hangUp().catch(() => {}),
  }
}
