import { constants } from 'node:fs'
import { open, statfs } from 'node:fs/promises'
import { Writable, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import pRetry from 'p-retry'
import { GuestError, ImageError } from '../../errors.ts'
import { messageOf } from '../../host/message-of.ts'
import { isNoSpace, megabytes, noSpace, refused, unreachable } from './download-errors.ts'
import type { Wanted } from './wanted.ts'
import type { DownloadProgress } from './download-progress.ts'
import { openClient, RedirectError, type Answer, type Client } from './http-get.ts'
import type { PartFile } from './part-file.ts'
import { whyNot } from './why-not.ts'

/** Bytes; nothing larger is an image, whatever a server says. */
export const LARGEST = 64 * 1024 ** 3
/** Attempts without progress, after the first. */
const RETRIES = 4
const FIRST_WAIT = 500
const LONGEST_WAIT = 10_000
/** Bytes that an attempt has to add to what there ever was, to count for nothing: so a server that stops ever so often ends all the same. */
const WORTH = 1024 * 1024
const CHUNK = 1024 * 1024

export interface Receive {
  readonly folder: string
  readonly progress: DownloadProgress
  readonly signal?: AbortSignal | undefined
  readonly silenceMs?: number | undefined
}

/**
 * Completes a part file from the image's URL. What arrived before a connection broke is kept, and the rest requested.
 * @throws ImageError; the signal's reason
 */
export async function receive(wanted: Wanted, part: PartFile, how: Receive): Promise<void> {
  try {
    if (wanted.url.startsWith('file:')) await copy(wanted, part, how)
    else await download(wanted, part, how)
    await part.flush()
  } catch (error) {
    how.signal?.throwIfAborted()
    throw isNoSpace(error) && !(error instanceof GuestError)
      ? noSpace(wanted.label, how.folder, { cause: error })
      : error
  }
}

async function download(wanted: Wanted, part: PartFile, how: Receive): Promise<void> {
  const { progress, signal, silenceMs } = how
  await using client = await openClient(silenceMs === undefined ? {} : { silenceMs })
  let attempts = 0
  let most = part.size
  await pRetry(
    async () => {
      attempts++
      await attempt(client, wanted, part, how)
    },
    {
      retries: RETRIES,
      minTimeout: FIRST_WAIT,
      maxTimeout: LONGEST_WAIT,
      ...(signal && { signal }),
      shouldRetry: ({ error }) => !(error instanceof GuestError) && !isNoSpace(error),
      shouldConsumeRetry: () => {
        const gained = part.size - most
        most = Math.max(most, part.size)
        return gained < WORTH
      },
      onFailedAttempt: ({ error, retriesLeft }) => {
        if (retriesLeft > 0 && !(error instanceof GuestError)) progress.say(`${whyNot(error)}; trying again`)
      },
    },
  ).catch((cause: unknown) => {
    signal?.throwIfAborted()
    if (cause instanceof GuestError || isNoSpace(cause)) throw cause
    throw unreachable(wanted, { why: whyNot(cause), attempts, cause })
  })
}

async function attempt(client: Client, wanted: Wanted, part: PartFile, how: Receive): Promise<void> {
  const from = part.size
  const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {}
  const answer = await client.get(wanted.url, range, how.signal).catch((error: unknown) => {
    throw error instanceof RedirectError ? refused(wanted, messageOf(error)) : error
  })
  try {
    const total = await begin(answer, wanted, part)
    if (total === part.size) return
    await requireRoom(wanted, part.size, total, how.folder)
    how.progress.begin(part.size, total)
    await forEachChunk(answer.body, async (chunk) => {
      await part.append(chunk)
      how.progress.at(part.size)
      if (part.size > LARGEST) throw refused(wanted, `sends more than ${megabytes(LARGEST)}`)
    })
    if (total !== undefined && part.size < total) throw new Error('the server closed the connection half-way')
  } finally {
    answer.body.destroy()
    // The next attempt continues from here.
    await part.flush()
  }
}

/** Each chunk as it arrived. An iteration would copy all that has gathered into one, which takes as long as the digest. */
async function forEachChunk(body: Readable, take: (chunk: Buffer) => Promise<void>): Promise<void> {
  const write = (chunk: Buffer, _: BufferEncoding, done: (error?: Error) => void) =>
    void take(chunk).then(() => done(), done)
  await pipeline(body, new Writable({ highWaterMark: CHUNK, write }))
}

/** Prepares the part, so that the answer's body continues it. @returns the total size, if it is known */
async function begin({ status, headers }: Answer, wanted: Wanted, part: PartFile): Promise<number | undefined> {
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(String(headers['content-range']))
  const whole = range?.[2] === undefined || range[2] === '*' ? undefined : Number(range[2])
  if (status === 206 && part.size > 0) {
    if (Number(range?.[1]) === part.size) return whole
    await part.restart()
    throw new Error('the server sent another range than was asked for')
  }
  if (status === 416 && part.size > 0) {
    // It is complete already.
    if (whole === part.size) return whole
    await part.restart()
    throw new Error('the server has less than what was downloaded before')
  }
  if (status !== 200) {
    if (status >= 500 || status === 408 || status === 429) throw new Error(`HTTP status ${status}`)
    throw refused(wanted, `answers with HTTP status ${status}`, status === 404 || status === 410)
  }
  if (String(headers['content-type']).startsWith('text/html')) {
    throw refused(wanted, 'sends a web page (text/html), not an image; is there a login page in between?')
  }
  if (part.size > 0) await part.restart()
  const length = headers['content-length']
  return typeof length === 'string' && /^\d+$/.test(length) ? Number(length) : undefined
}

async function requireRoom(wanted: Wanted, at: number, total: number | undefined, folder: string): Promise<void> {
  if (total === undefined) return
  if (total > LARGEST)
    throw refused(wanted, `has ${megabytes(total)}; the largest image may have ${megabytes(LARGEST)}`)
  const { bavail, bsize } = await statfs(folder)
  const [needed, free] = [total - at, bavail * bsize]
  if (needed > free) throw noSpace(wanted.label, folder, { needed, free })
}

async function copy(wanted: Wanted, part: PartFile, { folder, progress, signal }: Receive): Promise<void> {
  const path = localPath(wanted)
  // A FIFO would block.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unreachable(wanted, { why: whyNot(cause), attempts: 1, cause })
  })
  const facts = await file.stat()
  if (!facts.isFile()) throw refused(wanted, 'is not a regular file')
  if (part.size > 0) await part.restart()
  await requireRoom(wanted, 0, facts.size, folder)
  progress.begin(0, facts.size)
  for (;;) {
    signal?.throwIfAborted()
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, part.size)
    if (bytesRead === 0) return
    await part.append(buffer.subarray(0, bytesRead))
    progress.at(part.size)
  }
}

function localPath(wanted: Wanted): string {
  try {
    return fileURLToPath(wanted.url)
  } catch (cause) {
    throw new ImageError(`The URL ${wanted.url} is not of a file on this host`, {
      option: 'image',
      cause,
      hint: 'Write file:///path/of/disk.qcow2.',
    })
  }
}
