import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { layer } from 'vitest-guest/core'

const data = fileURLToPath(new URL('shop.sql', import.meta.url))
const greet = fileURLToPath(new URL('greet', import.meta.url))

/** PostgreSQL, running, with a database that is loaded. */
export const shop = layer(
  { from: { base: 'debian-12', packages: ['postgresql'] }, name: 'shop', inputs: [data] },
  async (guest) => {
    await guest.waitForUnit('postgresql@15-main')
    await guest.upload(data, '/tmp/shop.sql')
    const load = 'createdb shop && psql --quiet --set=ON_ERROR_STOP=1 --file=/tmp/shop.sql shop'
    await guest.$`su postgres -c ${load}`
    await guest.$`rm /tmp/shop.sql`
  },
)

/** The package under test, built from its files and installed. */
export const greeter = layer({ from: 'debian-12', name: 'greeter', inputs: [greet] }, async (guest) => {
  const folder = await mkdtemp(join(tmpdir(), 'greet-'))
  try {
    const deb = join(folder, 'greet.deb')
    await promisify(execFile)('dpkg-deb', ['--root-owner-group', '--build', greet, deb])
    await guest.upload(deb, '/root/greet.deb')
  } finally {
    await rm(folder, { recursive: true })
  }
  await guest.$`dpkg --install /root/greet.deb`
  await guest.waitForUnit('greet')
})
