import type { Dispatcher } from 'undici'
import { HostError, ImageError } from '../../errors.ts'
import { messageOf } from '../../host/message-of.ts'

/** Milliseconds for a server to accept a connection. */
const CONNECT_MS = 15_000
const SILENCE_MS = 30_000
/** Bytes of a body that may wait to be written; the default needs too many turns of the event loop. */
const BUFFERED = 1024 * 1024
const MOST_REDIRECTS = 10
const REDIRECTS = [301, 302, 303, 307, 308]

/** An answer whose body has not been read. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Dispatcher.ResponseData['body']
}

export interface Client extends AsyncDisposable {
  /**
   * Requests a URL, and follows a limited number of redirects.
   * @throws RedirectError; otherwise what went wrong with the connection
   */
  get(url: string, headers?: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Answer>
}

/** A server's redirects cannot be followed; the message continues after its URL. */
export class RedirectError extends ImageError {}

interface ClientOptions {
  /** Milliseconds that a server may be silent. @default 30_000 */
  readonly silenceMs?: number
  /** Whether redirects from https: to http: are refused, for content without a known digest. @default false */
  readonly staysSecure?: boolean
}

/** Connections to servers, through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. */
export async function openClient({ silenceMs = SILENCE_MS, staysSecure = false }: ClientOptions = {}): Promise<Client> {
  // Loaded by the first download, because loading takes longer than many tests.
  const { EnvHttpProxyAgent, request } = await import('undici')
  const agent = attempt(
    () =>
      new EnvHttpProxyAgent({
        connect: { timeout: CONNECT_MS },
        headersTimeout: silenceMs,
        bodyTimeout: silenceMs,
        // Many proxies allow CONNECT only to port 443.
        proxyTunnel: false,
      }),
  )
  const ask = async (url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal | undefined) => {
    const answer = await request(url, {
      dispatcher: agent,
      highWaterMark: BUFFERED,
      headers: { 'user-agent': 'vitest-guest', 'accept-encoding': 'identity', ...headers, ...authorization(url) },
      ...(signal && { signal }),
    })
    // An unread body fails when the connection is closed.
    answer.body.on('error', () => {})
    return { status: answer.statusCode, headers: answer.headers, body: answer.body }
  }
  return {
    get: async (first, headers = {}, signal) => {
      let url = new URL(first)
      for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
        const answer = await ask(url, headers, signal)
        const { location } = answer.headers
        if (!REDIRECTS.includes(answer.status) || typeof location !== 'string') return answer
        answer.body.destroy()
        url = follow(url, location, staysSecure)
      }
      throw new RedirectError(`redirects more than ${MOST_REDIRECTS} times`)
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

/** For messages and notes. */
export function withoutPassword(url: string): string {
  const parsed = URL.parse(url)
  if (!parsed?.password && !parsed?.username) return url
  parsed.username = parsed.password = ''
  return parsed.href
}

function follow(from: URL, location: string, staysSecure: boolean): URL {
  const url = URL.parse(location, from.href)
  if (staysSecure && from.protocol === 'https:' && url?.protocol === 'http:') {
    throw new RedirectError(`redirects from https: to ${location}, which is not followed`)
  }
  if (url && ['http:', 'https:'].includes(url.protocol)) return url
  throw new RedirectError(`redirects to ${location}, which is not followed`)
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(both).toString('base64')}` }
}

function attempt<T>(make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new HostError(`The proxy cannot be used: ${messageOf(cause)}`, {
      cause,
      hint: 'Set HTTPS_PROXY and HTTP_PROXY to URLs such as http://proxy.example.org:3128, or unset them.',
    })
  }
}
