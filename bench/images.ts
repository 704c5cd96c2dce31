import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../src/host/program/run.ts'

export interface Images {
  /** Milliseconds of each round, of a download with its digest, from a server on this host. */
  ours: number[]
  /** The same by curl, and sha256sum of what it wrote. */
  curl: number[]
  /** Most resident memory of the process, in MiB, by the bytes that it downloaded. */
  memory: { bytes: number; rssMib: number }[]
}

const BYTES = 600_000_000
const SIZES = [200_000_000, 2_000_000_000]
const program = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export async function measureImages(rounds: number): Promise<Images> {
  await using server = await startServer()
  const images: Images = { ours: [], curl: [], memory: [] }
  const digest = await digestOf(server.url, BYTES)
  for (let round = 0; round < rounds; round++) {
    // The order changes from round to round.
    for (const who of round % 2 === 0 ? (['ours', 'curl'] as const) : (['curl', 'ours'] as const)) {
      const ms = who === 'ours' ? (await download(server.url, BYTES, digest)).ms : await byCurl(server.url)
      images[who].push(ms)
      console.log(`${who}: ${ms.toFixed(0)} ms`)
    }
  }
  for (const bytes of SIZES) {
    const { rssMib } = await download(server.url, bytes, await digestOf(server.url, bytes))
    images.memory.push({ bytes, rssMib })
  }
  return images
}

async function startServer(): Promise<AsyncDisposable & { url: string }> {
  const child = spawn(process.execPath, [program('image-server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    url: `http://127.0.0.1:${String(port).trim()}`,
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await once(child, 'close')
    },
  }
}

async function digestOf(server: string, bytes: number): Promise<string> {
  return run('curl', ['--silent', '--fail', `${server}/sha256/${bytes}`])
}

async function download(server: string, bytes: number, digest: string): Promise<{ ms: number; rssMib: number }> {
  await using folder = await temporaryFolder()
  const args = [program('image-download.ts'), `${server}/${bytes}`, digest]
  const output = await run(process.execPath, args, { env: { VITEST_GUEST_CACHE: folder.path } })
  return JSON.parse(output) as { ms: number; rssMib: number }
}

async function byCurl(server: string): Promise<number> {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  const startedAt = performance.now()
  await run('curl', ['--silent', '--fail', '--output', file, `${server}/${BYTES}`])
  await run('sha256sum', [file])
  return performance.now() - startedAt
}

/** Writes out what was written before, so that it slows nothing else down. */
async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  await run('sync', [])
  const path = await mkdtemp(join(tmpdir(), 'bench-images-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
