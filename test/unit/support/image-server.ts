import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A server of ours, and its requests. */
export interface ImageServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** The requested paths, with the range: `/disk.raw bytes=5-`. */
  readonly asked: string[]
}

export type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** A web server on 127.0.0.1, until the end of the test. */
export async function imageServer(answer: Answer): Promise<ImageServer> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { range } = request.headers
    asked.push(range === undefined ? (request.url ?? '') : `${request.url} ${range}`)
    answer(request, response, asked.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Sends a file, or the requested part of it. */
export function send(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const from = startOf(request)
  if (from === undefined) {
    response.writeHead(200, { 'content-length': content.length }).end(content)
  } else if (from >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
  } else {
    const range = `bytes ${from}-${content.length - 1}/${content.length}`
    response.writeHead(206, { 'content-range': range, 'content-length': content.length - from })
    response.end(content.subarray(from))
  }
}

/** The same, but breaks off after some bytes. */
export function sendHalf(request: IncomingMessage, response: ServerResponse, content: Buffer, bytes: number): void {
  const from = startOf(request) ?? 0
  const length = { 'content-length': content.length - from }
  if (from === 0) response.writeHead(200, length)
  else response.writeHead(206, { ...length, 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` })
  response.write(content.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 20))
}

export function startOf({ headers }: IncomingMessage): number | undefined {
  const from = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]
  return from === undefined ? undefined : Number(from)
}

/** A raw disk with a boot sector and some varying bytes. */
export function rawDisk(bytes = 4 * 1024 * 1024, seed = 7): Buffer {
  const disk = Buffer.alloc(bytes, Buffer.from(Array.from({ length: 251 }, (_, at) => (at * seed) % 251)))
  disk.fill(0, 446, 510)
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

export function sha512(content: Buffer): string {
  return createHash('sha512').update(content).digest('hex')
}
