import type { Dispatcher } from 'undici'
import { HostError, ImageError } from '../../errors.ts'
import { messageOf } from '../../host/message-of.ts'

/** Milliseconds in which a server takes a connection. */
const CONNECT_MS = 15_000
const SILENCE_MS = 30_000
/** Bytes of a body that may wait to be written: what fits into the default is read in too many turns. */
const BUFFERED = 1024 * 1024
const MOST_REDIRECTS = 10
const REDIRECTS = [301, 302, 303, 307, 308]

/** An answer, whose body is still to come. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Dispatcher.ResponseData['body']
}

export interface Client extends AsyncDisposable {
  /**
   * Asks for a URL, and follows redirects, of which there are few.
   * @throws RedirectError; otherwise what went wrong with the connection
   */
  get(url: string, headers?: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Answer>
}

/** The redirects of a server lead nowhere; the message follows its URL. */
export class RedirectError extends ImageError {}

interface ClientOptions {
  /** Milliseconds in which a server has to say something, however little. @default 30_000 */
  readonly silenceMs?: number
  /** Whether https: may not redirect to http:, as for what nothing else vouches for. @default false */
  readonly staysSecure?: boolean
}

/** Connections to servers, by way of the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. */
export async function openClient({ silenceMs = SILENCE_MS, staysSecure = false }: ClientOptions = {}): Promise<Client> {
  // Loaded by the first download alone: it takes longer than many a test.
  const { EnvHttpProxyAgent, request } = await import('undici')
  const agent = attempt(
    () =>
      new EnvHttpProxyAgent({
        connect: { timeout: CONNECT_MS },
        headersTimeout: silenceMs,
        bodyTimeout: silenceMs,
        // Many a proxy allows CONNECT to port 443 alone.
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
    // One that nobody reads fails when it is cut off.
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
