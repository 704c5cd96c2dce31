import { bootGuest, layer, type Guest, type Layer } from 'vitest-guest/core'

/** Milliseconds, one number for each round. */
export interface Layers {
  /** A clone of debian-12, to a connected client. */
  image: number[]
  /** A clone of a layer on it. */
  layer: number[]
  /** A test with PostgreSQL and a loaded database, from the start of its guest, which is a clone of a layer that has both. */
  prepared: number[]
  /** The same, where each test loads the database itself, from packages that are in the image. */
  byHand: number[]
}

const CLONES = 10
const TESTS = 10
const POSTGRESQL = { base: 'debian-12', packages: ['postgresql'] } as const
const LOAD = `createdb shop && psql --quiet shop --command='CREATE TABLE items AS SELECT id FROM generate_series(1, 100000) AS id'`

export async function measureLayers(rounds: number): Promise<Layers> {
  const result: Layers = { image: [], layer: [], prepared: [], byHand: [] }
  const empty = layer({ from: 'debian-12', name: 'empty' }, (guest) => guest.exec('touch /root/prepared'))
  const shop = layer({ from: POSTGRESQL, name: 'shop' }, setUp)
  // What is cloned is there before.
  for (const image of ['debian-12', empty, POSTGRESQL, shop] as const) await timeTest(image, () => Promise.resolve())
  for (let round = 0; round < rounds * CLONES; round++) {
    const turn = ['image', 'layer'] as const
    // Who goes first changes from round to round.
    for (const who of round % 2 === 0 ? turn : turn.toReversed()) {
      result[who].push(await timeTest(who === 'image' ? 'debian-12' : empty, () => Promise.resolve()))
    }
  }
  for (let count = 1; count <= TESTS; count++) {
    const prepared = await timeTest(shop, query)
    const byHand = await timeTest(POSTGRESQL, async (guest) => query(await setUp(guest)))
    result.prepared.push(prepared)
    result.byHand.push(byHand)
    console.log(`  test ${count}: ${prepared.toFixed(0)} ms prepared, ${byHand.toFixed(0)} ms by hand`)
  }
  return result
}

async function timeTest(
  image: Layer | 'debian-12' | typeof POSTGRESQL,
  act: (guest: Guest) => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now()
  await using guest = await bootGuest({ image, onProgress: console.log })
  await act(guest)
  return performance.now() - startedAt
}

async function setUp(guest: Guest): Promise<Guest> {
  await guest.waitForUnit('postgresql@15-main')
  await guest.$`su postgres -c ${LOAD}`
  return guest
}

async function query(guest: Guest): Promise<void> {
  const { stdout } =
    await guest.$`su postgres -c ${"psql --tuples-only --no-align shop --command='SELECT count(*) FROM items'"}`
  if (stdout !== '100000') throw new Error(`the database has ${stdout} items`)
}
