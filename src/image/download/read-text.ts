import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pRetry from 'p-retry'
import { ImageError } from '../../errors.ts'
import { messageOf } from '../../host/message-of.ts'
import { openClient, RedirectError, type Client } from './http-get.ts'
import { whyNot } from './why-not.ts'

/** Bytes; a vendor's checksum files are a few KiB. */
const LARGEST = 1024 * 1024
const RETRIES = 2
const FIRST_WAIT = 300

/** A small text from a URL. @throws ImageError */
export async function readText(url: string, signal?: AbortSignal): Promise<string> {
  if (url.startsWith('file:')) return readLocal(url)
  await using client = await openClient({ staysSecure: true })
  return await pRetry(() => readOnce(client, url, signal), {
    retries: RETRIES,
    minTimeout: FIRST_WAIT,
    ...(signal && { signal }),
    shouldRetry: ({ error }) => !(error instanceof ImageError),
  }).catch((cause: unknown) => {
    signal?.throwIfAborted()
    if (cause instanceof RedirectError) throw new ImageError(`it ${messageOf(cause)}`, { cause })
    throw cause instanceof ImageError ? cause : new ImageError(whyNot(cause), { cause })
  })
}

async function readOnce(client: Client, url: string, signal: AbortSignal | undefined): Promise<string> {
  const { status, headers, body } = await client.get(url, {}, signal)
  try {
    if (status >= 500 || status === 429) throw new Error(`it answers with HTTP status ${status}`)
    if (status !== 200) throw new ImageError(`it answers with HTTP status ${status}`)
    if (String(headers['content-type']).startsWith('text/html')) throw new ImageError('it is a web page')
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > LARGEST) throw new ImageError(`it is larger than ${LARGEST} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  } finally {
    body.destroy()
  }
}

async function readLocal(url: string): Promise<string> {
  try {
    const path = fileURLToPath(url)
    const facts = await stat(path)
    if (!facts.isFile() || facts.size > LARGEST) throw new Error('it is not a small file')
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ImageError(whyNot(cause), { cause })
  }
}
