import type { Duplex } from 'node:stream'
import type { Agent, RequestInit, Response } from 'undici'
import { GuestError, NetworkError } from '../../errors.ts'
import { messageOf } from '../../host/message-of.ts'

interface FetchParts {
  readonly hostname: string
  readonly address: string
  readonly connect: (port: number) => Promise<Duplex>
}

/** The host in a URL that means the guest, besides its hostname and address. */
const ANY_GUEST = 'guest'

/** HTTP to a guest, over kept-alive connections. */
export function guestHttp({ hostname, address, connect }: FetchParts) {
  let agent: Promise<Agent> | undefined
  const isGuest = (host: string) => [ANY_GUEST, hostname.toLowerCase(), address].includes(host)
  const checked = (input: string | URL): URL => {
    const url = URL.parse(String(input))
    const hint = `Write a URL such as http://${ANY_GUEST}:8080/; the names ${hostname} and ${address} mean the same.`
    if (!url || !['http:', 'https:'].includes(url.protocol)) {
      throw new GuestError(`fetch needs an http: or https: URL; got '${String(input)}'`, { hint })
    }
    if (!isGuest(url.hostname)) throw leadsElsewhere(url.hostname, hint)
    return url
  }
  return {
    /** @throws GuestError for a URL of another host; NetworkError when nothing answers, or the connection breaks; the signal's reason */
    fetch: async (input: string | URL, init?: RequestInit): Promise<Response> => {
      const url = checked(input)
      const { fetch } = await import('undici')
      agent ??= makeAgent(connect, isGuest)
      try {
        return await fetch(url, { ...init, dispatcher: await agent })
      } catch (error) {
        throw explain(error, `${init?.method ?? 'GET'} ${url.href}`)
      }
    },
    /** Closes every connection; the next request opens new ones. */
    hangUp: async () => {
      const former = agent
      agent = undefined
      await (await former)?.destroy()
    },
  }
}

/** undici is loaded with the first request, because loading it takes longer than many tests. */
async function makeAgent(connect: FetchParts['connect'], isGuest: (host: string) => boolean): Promise<Agent> {
  const { Agent, buildConnector } = await import('undici')
  // Guests have no certificate from an authority, and only guests are on the network.
  const secure = buildConnector({ rejectUnauthorized: false })
  return new Agent({
    connect: (options, callback) => {
      // A redirect; the first URL has been checked.
      if (!isGuest(options.hostname)) return callback(leadsElsewhere(options.hostname), null)
      const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80))
      connect(port).then(
        (socket) => {
          const httpSocket = socket as import('node:net').Socket
          if (options.protocol === 'https:') secure({ ...options, httpSocket }, callback)
          else callback(null, httpSocket)
        },
        (error: unknown) => callback(error as Error, null),
      )
    },
  })
}

function leadsElsewhere(host: string, hint = "With redirect: 'manual' the redirect itself is returned."): GuestError {
  return new GuestError(`'${host}' is not this guest`, { hint })
}

/** undici only says `fetch failed`; the reason is in the cause. */
function explain(error: unknown, request: string): unknown {
  if (!(error instanceof TypeError) || error.cause === undefined) return error
  if (error.cause instanceof GuestError && !(error.cause instanceof NetworkError)) return error.cause
  return new NetworkError(`${request}: ${messageOf(error.cause)}`, {
    cause: error.cause,
    hint: 'Does a server in the guest listen on that port, and not only on 127.0.0.1? Check with ss -tlnp in the guest.',
  })
}
