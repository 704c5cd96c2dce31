import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, type Guest } from 'vitest-guest'

const PORT = 8000

/** Meets the other worker while both guests are up, and shows that each sees only its own. */
export async function meetTheOther(guest: Guest, me: string, other: string): Promise<void> {
  expect(guest.address).toBe('192.168.100.224')
  await guest.exec(`mkdir /srv/www && echo ${me} > /srv/www/name`)
  await guest.exec(`systemd-run --working-directory=/srv/www python3 -m http.server ${PORT} --bind ${guest.address}`)
  await until(
    async () =>
      (await guest.exec(`curl --silent http://${guest.address}:${PORT}/name`, { reject: false })).stdout === me,
  )
  await meet(me, other, 'up')

  const socket = await guest.connect(PORT)
  socket.write('GET /name HTTP/1.0\r\n\r\n')
  const chunks = (await socket.toArray()) as Buffer[]
  expect(Buffer.concat(chunks).toString().trim().endsWith(`\r\n\r\n${me}`)).toBe(true)
  // Only the host's end of the bridge has ever sent on this network.
  const { stdout: neighbours } = await guest.exec('ip -4 neighbour show')
  expect(neighbours.split('\n').map((line) => line.split(' ')[0])).toEqual([guest.network.gateway])
  await meet(me, other, 'done')
}

async function meet(me: string, other: string, point: string): Promise<void> {
  const file = (name: string) => join(tmpdir(), `${name}.${point}`)
  writeFileSync(file(me), '')
  await until(() => existsSync(file(other)))
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(100)
}
