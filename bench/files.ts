import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bootGuest, type Guest } from 'vitest-guest/core'
import { run } from '../src/host/program/run.ts'

/** Milliseconds of each round, ours and those of `scp -r`. */
export interface Pair {
  ours: number[]
  scp: number[]
}

export interface Files {
  largeUp: Pair
  largeDown: Pair
  smallUp: Pair
  smallDown: Pair
}

const LARGE_BYTES = 200_000_000
const SMALL_FILES = 5000
const SMALL_BYTES = 1000
const CLI = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url))

/** The same bytes to and from the same warm guest, by us and by OpenSSH's scp through the keeper, in turns. */
export async function measureFiles(rounds: number): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-files-'))
  await using guest = await bootGuest()
  try {
    await writeFile(join(folder, 'large'), randomBytes(LARGE_BYTES))
    await mkdir(join(folder, 'small'))
    for (let n = 0; n < SMALL_FILES; n++) await writeFile(join(folder, 'small', `file-${n}`), randomBytes(SMALL_BYTES))
    const scp = await scpTo(guest, folder)
    const pairs: Files = { largeUp: pair(), largeDown: pair(), smallUp: pair(), smallDown: pair() }
    for (let round = 0; round < rounds; round++) {
      for (const [name, up, down] of [
        ['large', pairs.largeUp, pairs.largeDown],
        ['small', pairs.smallUp, pairs.smallDown],
      ] as const) {
        const here = join(folder, name)
        const back = join(folder, `${name}-back`)
        const there = `/var/tmp/${name}`
        const ways = {
          ours: [() => guest.upload(here, there), () => guest.download(there, back)],
          scp: [() => scp(here, `guest:${there}`), () => scp(`guest:${there}`, back)],
        } as const
        // The order changes from round to round.
        for (const who of round % 2 === 0 ? (['ours', 'scp'] as const) : (['scp', 'ours'] as const)) {
          await settle(guest, there)
          up[who].push(await timed(ways[who][0]))
          await settle(guest)
          down[who].push(await timed(ways[who][1]))
          await rm(back, { recursive: true })
          console.log(`${name}, ${who}: ${up[who].at(-1)?.toFixed(0)} ms up, ${down[who].at(-1)?.toFixed(0)} ms down`)
        }
      }
    }
    return pairs
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const pair = (): Pair => ({ ours: [], scp: [] })

/** What one has yet to write out must not slow down the other. */
async function settle(guest: Guest, remove = ''): Promise<void> {
  await guest.exec(`rm -rf -- ${remove}; sync; echo 3 >/proc/sys/vm/drop_caches`, { timeout: 600_000 })
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await act()
  return performance.now() - startedAt
}

async function scpTo(guest: Guest, folder: string) {
  const key = join(folder, 'key')
  await writeFile(key, guest.credentials.clientKey, { mode: 0o600 })
  await writeFile(join(folder, 'known_hosts'), `guest ${guest.credentials.hostPublicKey}\n`)
  const proxy = [process.execPath, CLI, 'connect', guest.network.socketPath, guest.address, '22'].join(' ')
  const options = {
    IdentityFile: key,
    IdentitiesOnly: 'yes',
    UserKnownHostsFile: join(folder, 'known_hosts'),
    StrictHostKeyChecking: 'yes',
    User: 'root',
    ProxyCommand: proxy,
  }
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  return (from: string, to: string) => run('scp', ['-q', '-r', '-F', 'none', ...flags, from, to])
}
