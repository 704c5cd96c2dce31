import type { Duplex } from 'node:stream'
import type { RequestInit, Response } from 'undici'
import type { Disposers } from '../lifetime/disposers.ts'
import { requirePort } from '../options/port.ts'
import { Fetch } from './fetch.ts'
import { forward, type Forward } from './forward.ts'

/** Ways to a guest's ports. */
export interface Reach {
  /**
   * A connection to a port of the guest. It is closed when the guest is reset, restored, or gone.
   * @throws GuestError for what is no port; NetworkError when nothing answers there.
   */
  connect(port: number, signal?: AbortSignal): Promise<Duplex>
  /**
   * An HTTP request to a server in the guest, as in `guest.fetch('http://guest:8080/health')`. The host of the URL is `guest`,
   * the guest's hostname, or its address. The rest is undici's `fetch`: headers, body, redirect, signal; connections are kept
   * open for the next request. With `https:` the certificate is not checked; to check one, hand the socket of
   * `guest.connect(443)` to `tls.connect`.
   * @throws GuestError for a URL that leads elsewhere; NetworkError when nothing answers, or the connection breaks.
   */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>
  /** A port on 127.0.0.1 that leads to this port of the guest; closed with the guest at the latest. @throws BootError when that has gone */
  forward(port: number): Promise<Forward>
}

interface Parts {
  readonly hostname: string
  readonly address: string
  readonly connect: Reach['connect']
  /** @throws when QEMU has gone */
  readonly requireThere: () => void
  readonly disposers: Disposers
}

/** Also `hangUp`, which ends the connections that are kept: those to a machine that has been put elsewhere lead nowhere. */
export function reach({ hostname, address, connect, requireThere, disposers }: Parts): Reach & { hangUp(): void } {
  const http = new Fetch({ hostname, address, connect })
  disposers.defer(() => http.hangUp())
  return {
    connect,
    fetch: (url, init) => http.fetch(url, init),
    forward: async (port) => {
      requirePort(port, 'guest.forward(8080)')
      requireThere()
      return disposers.use(await forward(() => connect(port)))
    },
    hangUp: () => void http.hangUp().catch(() => {}),
  }
}
