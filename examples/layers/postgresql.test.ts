import { type Guest, expect, test } from 'vitest-guest'

async function query(guest: Guest, sql: string): Promise<string> {
  const { stdout } = await guest.$`su postgres -c ${`psql --tuples-only --no-align --command="${sql}" shop`}`
  return stdout
}

test('the database is loaded', async ({ guest }) => {
  expect(await query(guest, 'SELECT count(*), max(price) FROM items')).toBe('10000|15000.0')
})

test('a test may ruin it', async ({ guest }) => {
  await query(guest, 'DROP TABLE items')
  await guest.$`rm -rf /var/lib/postgresql/15/main/base`
})

test('the next one has its own copy', async ({ guest }) => {
  expect(await query(guest, 'SELECT name FROM items WHERE id = 7')).toBe('item 7')
})
