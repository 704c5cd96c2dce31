import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { execa } from 'execa'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { GuestError } from '../../src/errors.ts'
import { downloadImage } from '../../src/image/download/download-image.ts'
import { resolveImage } from '../../src/image/resolve-image.ts'
import { imageServer, rawDisk, send, sendHalf, sha256, sha512, startOf } from './support/image-server.ts'
import { evaluationCommand, runCli } from './support/node.ts'
import { pathWithout, temporaryFolder } from './support/temporary-folder.ts'

const DISK = rawDisk()
const DIGEST = sha256(DISK)
const OTHER = 'f'.repeat(64)

let cache: string
const said: string[] = []
const onProgress = (line: string) => void said.push(line)

beforeEach(() => {
  cache = temporaryFolder()
  vi.stubEnv('VITEST_GUEST_CACHE', cache)
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'])
    vi.stubEnv(name, '')
  said.length = 0
})
afterEach(() => vi.unstubAllEnvs())

const inImages = (...path: string[]) => join(cache, 'images', ...path)
const images = () => readdirSync(inImages()).filter((name) => !name.endsWith('.lock'))
const fetchIt = (url: string, sha256 = DIGEST) => resolveImage({ url, digest: `sha256:${sha256}` }, { onProgress })
const failure = (work: Promise<unknown>): Promise<GuestError> =>
  work.then(
    () => expect.unreachable(),
    (error: unknown) => error as GuestError,
  )

test('an image is downloaded once, and identified by its digest, not its URL', async () => {
  const server = await imageServer((request, response) => send(request, response, DISK))
  const image = await fetchIt(`${server.url}/a/disk.raw`)
  expect(image).toMatchObject({
    disk: { path: inImages(`disk.raw-${DIGEST.slice(0, 12)}`, 'disk.raw'), format: 'raw' },
    size: DISK.length,
    label: `${server.url}/a/disk.raw`,
  })
  expect(readFileSync(image.disk.path).equals(DISK)).toBe(true)
  expect(said[0]).toBe(`${server.url}/a/disk.raw: downloading, 0 % of 4.2 MB`)
  expect(said.at(-1)).toMatch(/: downloaded 4\.2 MB in \d+ s$/)
  const again = await fetchIt(`${server.url}/b/other.raw`)
  expect(server.asked).toEqual(['/a/disk.raw'])
  expect(again.disk).toEqual(image.disk)
  expect(await again.digest()).toBe(await image.digest())
})

test.each(['xz', 'gzip', 'zstd'])('an image compressed with %s is unpacked', async (program) => {
  const packed = execFileSync(program, ['-c'], { input: DISK, maxBuffer: 1e8 })
  const server = await imageServer((request, response) => send(request, response, packed))
  const { disk } = await resolveImage({ url: `${server.url}/x`, digest: `sha512:${sha512(packed)}` }, { onProgress })
  expect(readFileSync(disk.path).equals(DISK)).toBe(true)
  expect(readdirSync(join(disk.path, '..')).sort()).toEqual(['disk.raw', 'origin.json', 'stamps'])
})

test('unpacking stops at the maximum size of a disk', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'packed'), execFileSync('xz', ['-c'], { input: DISK, maxBuffer: 1e8 }))
  const { unpack } = await import('../../src/image/download/unpack.ts')
  const to = join(folder, 'disk')
  const limit = 1024 * 1024
  const error = await failure(
    unpack({ label: 'big', compression: 'xz', from: join(folder, 'packed'), to, folder, limit }),
  )
  expect(error.message).toMatch(/^The image big is larger than 1\.0 MB when it is unpacked\n/)
  expect(statSync(to).size).toBeLessThanOrEqual(limit)
})

test('what cannot be unpacked is deleted', async () => {
  const packed = Buffer.concat([Buffer.from('fd377a585a0000', 'hex'), Buffer.alloc(1000, 3)])
  const server = await imageServer((request, response) => send(request, response, packed))
  const error = await failure(fetchIt(`${server.url}/x.xz`, sha256(packed)))
  expect(error.message).toMatch(/cannot be unpacked by xz\n/)
  expect(images()).toEqual([])
})

test('a wrong digest: both are named, and nothing is kept or used', async () => {
  const server = await imageServer((request, response) => send(request, response, DISK))
  for (let turn = 1; turn <= 2; turn++) {
    const error = await failure(fetchIt(`${server.url}/disk.raw`, OTHER))
    expect(error.message).toMatch(
      RegExp(`^The image .*/disk\\.raw has the wrong digest: expected sha256:${OTHER}, got sha256:${DIGEST}\\n`),
    )
    expect(error.message).toContain('4194304 bytes. It has been deleted')
    expect(images()).toEqual([])
    expect(server.asked).toHaveLength(turn)
  }
})

test('404 is not retried', async () => {
  const server = await imageServer((_, response) => response.writeHead(404).end())
  const error = await failure(fetchIt(`${server.url}/disk.raw`))
  expect(error.message).toBe(
    `The image ${server.url}/disk.raw could not be downloaded: ${server.url}/disk.raw answers with HTTP status 404\nIs the URL right?`,
  )
  expect(server.asked).toHaveLength(1)
  expect(images()).toEqual([])
})

test('a web page is not an image', async () => {
  const server = await imageServer((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>'),
  )
  const error = await failure(fetchIt(`${server.url}/disk.raw`))
  expect(error.message).toMatch(/sends a web page \(text\/html\), not an image; is there a login page in between\?/)
})

test('a server that stops half-way is asked for the rest', async () => {
  const server = await imageServer((request, response, count) =>
    count <= 2 ? sendHalf(request, response, DISK, 1_500_000) : send(request, response, DISK),
  )
  const { disk } = await fetchIt(`${server.url}/disk.raw`)
  expect(readFileSync(disk.path).equals(DISK)).toBe(true)
  expect(server.asked).toEqual(['/disk.raw', '/disk.raw bytes=1500000-', '/disk.raw bytes=3000000-'])
  expect(said).toContain(`${server.url}/disk.raw: the server closed the connection half-way; trying again`)
})

test('a server without support for ranges is read from the start', async () => {
  const server = await imageServer((request, response, count) => {
    delete request.headers.range
    if (count === 1) sendHalf(request, response, DISK, 1_500_000)
    else send(request, response, DISK)
  })
  const { disk } = await fetchIt(`${server.url}/disk.raw`)
  expect(readFileSync(disk.path).equals(DISK)).toBe(true)
  expect(server.asked).toHaveLength(2)
})

test('a server that sends another range than requested is asked again', async () => {
  const server = await imageServer((request, response, count) => {
    if (count === 1) return sendHalf(request, response, DISK, 1_500_000)
    if (count === 2) request.headers.range = 'bytes=5-'
    return send(request, response, DISK)
  })
  await fetchIt(`${server.url}/disk.raw`)
  expect(server.asked).toEqual(['/disk.raw', '/disk.raw bytes=1500000-', '/disk.raw'])
})

test('a server that announces more than there is', { timeout: 30_000 }, async () => {
  const server = await imageServer((request, response) => {
    if (startOf(request) !== undefined) return send(request, response, DISK)
    response.writeHead(200, { 'content-length': DISK.length + 1000 })
    return response.write(DISK, () => setTimeout(() => response.destroy(), 20))
  })
  const { disk } = await fetchIt(`${server.url}/disk.raw`)
  expect(readFileSync(disk.path).equals(DISK)).toBe(true)
})

test('a server that announces less than there is', async () => {
  const short = DISK.subarray(0, 1000)
  const server = await imageServer((_, response) => response.writeHead(200, { 'content-length': 1000 }).end(short))
  const error = await failure(fetchIt(`${server.url}/disk.raw`))
  expect(error.message).toContain(`expected sha256:${DIGEST}, got sha256:${sha256(short)}`)
  expect(error.message).toContain('has 1000 bytes')
})

test('a silent server is given up after some attempts, and what it sent is kept', { timeout: 30_000 }, async () => {
  const server = await imageServer((request, response) => {
    response.writeHead(startOf(request) === undefined ? 200 : 206, {
      'content-length': DISK.length - (startOf(request) ?? 0),
      ...(startOf(request) !== undefined && { 'content-range': `bytes ${startOf(request)}-9/${DISK.length}` }),
    })
    if (startOf(request) === undefined) response.write(DISK.subarray(0, 1000))
    else response.flushHeaders()
  })
  const url = `${server.url}/disk.raw`
  const wanted = { label: 'slow', url, digest: `sha256:${DIGEST}`, silenceMs: 300 } as const
  const error = await failure(downloadImage(wanted, onProgress))
  expect(error).toMatchObject({ attempts: 5, lastSeen: 'the server stopped sending' })
  expect(error.message).toBe(
    `The image slow could not be downloaded from ${url}: the server stopped sending (5 attempts); its digest is sha256:${DIGEST}\n` +
      `Behind a proxy, set HTTPS_PROXY. Without a network, fetch it elsewhere, then run: npx vitest-guest image add sha256:${DIGEST} FILE`,
  )
  expect(statSync(inImages(`downloading-${DIGEST.slice(0, 32)}`, 'part')).size).toBe(1000)
})

test('redirects are followed, but not endlessly, and not to files', async () => {
  const server = await imageServer((request, response) => {
    const [, path = '', left = ''] = /^\/(\w+)\/(\d+)$/.exec(request.url ?? '') ?? []
    if (path === 'file') response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    else if (path === 'loop') response.writeHead(307, { location: request.url }).end()
    else if (Number(left) > 0) response.writeHead(302, { location: `/${path}/${Number(left) - 1}` }).end()
    else send(request, response, DISK)
  })
  expect((await failure(fetchIt(`${server.url}/loop/1`))).message).toMatch(
    /^The image .* could not be downloaded: http.* redirects more than 10 times\n/,
  )
  expect(server.asked).toHaveLength(11)
  expect((await failure(fetchIt(`${server.url}/file/1`))).message).toMatch(
    / redirects to file:\/\/\/etc\/passwd, which is not followed\n/,
  )
  await fetchIt(`${server.url}/hop/10`)
})

test('a disk that names a file of this host is refused, and deleted', async () => {
  const folder = temporaryFolder()
  const make = (...args: string[]) => {
    const path = join(folder, 'disk.qcow2')
    execFileSync('qemu-img', ['create', '-f', 'qcow2', ...args, path, '4M'], { stdio: 'ignore' })
    return readFileSync(path)
  }
  for (const [content, words] of [
    [make('-u', '-b', '/etc/shadow', '-F', 'raw'), 'has the backing file /etc/shadow on this host, which is refused'],
    [make('-o', `data_file=${join(folder, 'data')}`), 'keeps its data in another file on this host'],
    [Buffer.from('<html>\n'), 'is not a disk: it is a text file'],
  ] as const) {
    const server = await imageServer((request, response) => send(request, response, content))
    const error = await failure(fetchIt(`${server.url}/disk.qcow2`, sha256(content)))
    expect(error.message).toContain(`The image ${server.url}/disk.qcow2 ${words}`)
    expect(error.hint).toBe(
      `The file at ${server.url}/disk.qcow2 has the right digest, and is wrong itself; it has been deleted.`,
    )
    expect(images()).toEqual([])
  }
})

test('a disk in the cache that has changed is downloaded again', async () => {
  const server = await imageServer((request, response) => send(request, response, DISK))
  const { disk } = await fetchIt(`${server.url}/disk.raw`)
  writeFileSync(disk.path, rawDisk(DISK.length, 5))
  const again = await fetchIt(`${server.url}/disk.raw`)
  expect(said).toContain(`downloading the image ${server.url}/disk.raw again: the content of disk.raw has changed`)
  expect(readFileSync(again.disk.path).equals(DISK)).toBe(true)
  expect(images()).toEqual([`disk.raw-${DIGEST.slice(0, 12)}`])
  // A disk that was only touched is read, not downloaded.
  utimesSync(disk.path, 1, 1)
  await fetchIt(`${server.url}/disk.raw`)
  expect(server.asked).toHaveLength(2)
})

test('verify() reads the disk', async () => {
  const server = await imageServer((request, response) => send(request, response, DISK))
  const image = await fetchIt(`${server.url}/disk.raw`)
  await image.verify()
  writeFileSync(image.disk.path, rawDisk(DISK.length, 5))
  expect((await failure(image.verify())).message).toMatch(/is damaged: the content of disk\.raw has changed/)
})

test('only the server gets the password of a URL', async () => {
  const seen: (string | undefined)[] = []
  const server = await imageServer((request, response) => {
    seen.push(request.headers.authorization)
    send(request, response, DISK)
  })
  const url = `${server.url}/disk.raw`.replace('://', '://me:s%65cret@')
  const { label, disk } = await fetchIt(url)
  expect(seen).toEqual([`Basic ${Buffer.from('me:secret').toString('base64')}`])
  expect([label, readFileSync(join(disk.path, '../origin.json'), 'utf8'), ...said].join()).not.toMatch(/cret/)
})

test('a file of this host by its URL', async () => {
  const file = join(temporaryFolder(), 'disk.raw')
  writeFileSync(file, DISK)
  const { disk } = await fetchIt(pathToFileURL(file).href)
  expect(readFileSync(disk.path).equals(DISK)).toBe(true)
  expect((await failure(fetchIt('file:///nowhere/disk.raw', OTHER))).message).toMatch(
    /: the file does not exist; its dig/,
  )
  expect((await failure(fetchIt('file:///dev/null', OTHER))).message).toContain('is not a regular file')
})

test('HTTP_PROXY is used, and NO_PROXY is obeyed', async () => {
  const server = await imageServer((request, response) => send(request, response, DISK))
  const proxied: string[] = []
  const proxy = await imageServer((request, response) => {
    proxied.push(request.url ?? '')
    send(request, response, DISK)
  })
  vi.stubEnv('HTTP_PROXY', proxy.url)
  vi.stubEnv('http_proxy', undefined)
  vi.stubEnv('no_proxy', undefined)
  await fetchIt(`http://images.example/disk.raw`)
  expect(proxied).toEqual(['http://images.example/disk.raw'])
  vi.stubEnv('NO_PROXY', '127.0.0.1')
  vi.stubEnv('VITEST_GUEST_CACHE', temporaryFolder())
  await fetchIt(`${server.url}/disk.raw`)
  expect(server.asked).toEqual(['/disk.raw'])
})

test('HTTPS_PROXY is asked for a tunnel', { timeout: 30_000 }, async () => {
  const asked: string[] = []
  const proxy = createTcpServer((socket) =>
    socket
      .on('error', () => {})
      .once('data', (data: Buffer) => {
        asked.push(String(data).split('\r\n')[0] ?? '')
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      }),
  )
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(proxy.address() as { port: number }).port}`)
  vi.stubEnv('https_proxy', undefined)
  vi.stubEnv('no_proxy', undefined)
  const error = await failure(fetchIt('https://images.example/disk.raw'))
  expect(asked[0]).toBe('CONNECT images.example:443 HTTP/1.1')
  expect(error.message).toMatch(/could not be downloaded from https:.*Proxy response \(403\)/)
})

test('a full disk is noticed before anything is written, and while it is', async () => {
  const big = Buffer.alloc(1000)
  const server = await imageServer((request, response) => {
    // Without a length this cannot be known beforehand.
    if (request.url === '/unknown') response.writeHead(200).end(DISK)
    else response.writeHead(200, { 'content-length': 3e9 }).write(big)
  })
  const small = temporaryFolder()
  const script = `mount -t tmpfs -o size=2m tmpfs ${small} && "$@"; code=$?; find ${small} -type f ! -name '*.lock'; exit $code`
  const attempt = async (path: string) => {
    const spec = JSON.stringify({ url: `${server.url}${path}`, digest: `sha256:${DIGEST}` })
    const command = evaluationCommand('image/resolve-image.ts', `m.resolveImage(${spec})`)
    const inside = ['--mount', '--map-root-user', 'sh', '-c', script, 'sh', ...command]
    return (await execa('unshare', inside, { env: { VITEST_GUEST_CACHE: small } })).stdout.split('\n')
  }
  const [before = '', ...leftBefore] = await attempt('/known')
  expect(JSON.parse(before)).toMatchObject({
    name: 'ImageError',
    message: expect.stringMatching(
      /^No space for the image .*: .* has \d\.\d MB free, but 3000 MB is needed\n/,
    ) as string,
  })
  const [half = '', ...leftHalf] = await attempt('/unknown')
  expect(JSON.parse(half)).toMatchObject({
    message: expect.stringMatching(/^No space for the image .* is full\nFree some space/) as string,
  })
  expect([...leftBefore, ...leftHalf]).toEqual([])
})

test(
  'one of two processes downloads, the other shows its progress, and continues if the first is killed',
  { timeout: 60_000 },
  async () => {
    let isSlow = true
    const server = await imageServer((request, response) => {
      if (!isSlow) return send(request, response, DISK)
      response.writeHead(200, { 'content-length': DISK.length })
      return response.write(DISK.subarray(0, 2_000_000))
    })
    const command = (seen: string) => {
      const spec = JSON.stringify({ url: `${server.url}/disk.raw`, digest: `sha256:${DIGEST}` })
      return evaluationCommand(
        'image/resolve-image.ts',
        `m.resolveImage(${spec}, { onProgress: (line) => console.error(line) }).then((i) => i.label + '${seen}')`,
      )
    }
    const env = { ...process.env, VITEST_GUEST_CACHE: cache }
    const [file, ...args] = command('1')
    const first = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    onTestFinished(() => void first.kill('SIGKILL'))
    await once(first.stderr, 'data')
    const part = inImages(`downloading-${DIGEST.slice(0, 32)}`, 'part')
    const lock = inImages(`downloading-${DIGEST.slice(0, 32)}.lock`)
    // In batches of 1 MiB.
    await vi.waitUntil(() => existsSync(part) && statSync(part).size >= 1_048_576, { timeout: 10_000 })
    // Everything that it was sent.
    await vi.waitUntil(() => readFileSync(lock, 'utf8').includes('47 %'), { timeout: 10_000 })
    const [other, ...more] = command('2')
    const second = execa(other, more, { env, extendEnv: false })
    const lines: string[] = []
    second.stderr.on('data', (data: Buffer) => lines.push(String(data)))
    await vi.waitUntil(() => lines.length > 0, { timeout: 20_000 })
    expect(lines[0]).toMatch(
      RegExp(`^waiting for process ${first.pid}, which is downloading http.*: 47 % of 4\\.2 MB, [\\d.]+ MB/s`),
    )
    expect((await runCli(['gc'], { VITEST_GUEST_CACHE: cache })).stdout).toMatch(
      /^image downloading-\w+ .* kept: in use by process \d+, which is downloading .* \(left over from an interrupted download\)/,
    )
    isSlow = false
    first.kill('SIGKILL')
    expect((await second).stdout).toBe(JSON.stringify(`${server.url}/disk.raw2`))
    expect(server.asked[1]).toMatch(/^\/disk\.raw bytes=\d+-$/)
    expect(images()).toEqual([`disk.raw-${DIGEST.slice(0, 12)}`])
  },
)

test('leftovers of an earlier download are not trusted', async () => {
  const server = await imageServer((request, response) => send(request, response, DISK))
  execFileSync('mkdir', ['-p', inImages(`downloading-${DIGEST.slice(0, 32)}`)])
  writeFileSync(inImages(`downloading-${DIGEST.slice(0, 32)}`, 'part'), Buffer.alloc(1000, 1))
  const { disk } = await fetchIt(`${server.url}/disk.raw`)
  expect(readFileSync(disk.path).equals(DISK)).toBe(true)
  expect(server.asked).toEqual(['/disk.raw bytes=1000-', '/disk.raw'])
})

test('a login page in between does not lose what was downloaded before', async () => {
  let isPage = false
  const server = await imageServer((request, response) => {
    if (isPage) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
    else if (startOf(request) === undefined) sendHalf(request, response, DISK, 1_500_000)
    else isPage = true
    if (isPage && !response.writableEnded) response.destroy()
  })
  expect((await failure(fetchIt(`${server.url}/disk.raw`))).message).toContain('sends a web page')
  expect(statSync(inImages(`downloading-${DIGEST.slice(0, 32)}`, 'part')).size).toBe(1_500_000)
})

test('if the program to unpack it is missing, the image need not be downloaded again', async () => {
  const packed = execFileSync('xz', ['-c'], { input: DISK, maxBuffer: 1e8 })
  const server = await imageServer((request, response) => send(request, response, packed))
  const path = process.env['PATH']
  const tools = pathWithout('xz')
  for (const name of ['flock', 'cat']) symlinkSync(`/usr/bin/${name}`, join(tools, name))
  vi.stubEnv('PATH', tools)
  const error = await failure(fetchIt(`${server.url}/disk.raw.xz`, sha256(packed)))
  expect(error.message).toMatch(/^xz: not found on PATH\nInstall it: sudo apt-get install xz-utils/)
  vi.stubEnv('PATH', path)
  const { disk } = await fetchIt(`${server.url}/disk.raw.xz`, sha256(packed))
  expect(readFileSync(disk.path).equals(DISK)).toBe(true)
  expect(server.asked).toHaveLength(1)
})

test('gc removes the leftovers of a dead download, and its old lock', async () => {
  execFileSync('mkdir', ['-p', inImages('downloading-aa')])
  writeFileSync(inImages('downloading-aa', 'part'), Buffer.alloc(10_000))
  writeFileSync(inImages('downloading-bb.lock'), '')
  utimesSync(inImages('downloading-bb.lock'), 1, 1)
  const { stdout } = await runCli(['gc'], { VITEST_GUEST_CACHE: cache })
  expect(stdout).toMatch(/^image downloading-aa .* removed: left over from an interrupted download$/m)
  expect(stdout).toMatch(/^lock downloading-bb\.lock .* removed: not used for/m)
  expect(readdirSync(inImages())).toEqual(['downloading-aa.lock'])
})

test('an abort ends a download and keeps the part', async () => {
  const server = await imageServer((_, response) => {
    response.writeHead(200, { 'content-length': DISK.length }).write(DISK.subarray(0, 2_000_000))
  })
  const controller = new AbortController()
  const spec = { url: `${server.url}/disk.raw`, digest: `sha256:${DIGEST}` } as const
  const work = resolveImage(spec, { signal: controller.signal, onProgress })
  work.catch(() => {})
  await vi.waitUntil(() => said.length > 0)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const reason = new Error('enough')
  controller.abort(reason)
  expect(await failure(work)).toBe(reason)
  expect(statSync(inImages(`downloading-${DIGEST.slice(0, 32)}`, 'part')).size).toBe(2_000_000)
})
