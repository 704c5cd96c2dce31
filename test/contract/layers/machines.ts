import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { layer } from 'vitest-guest/core'

type Text = string
const file = fileURLToPath(new URL('words.txt', import.meta.url))
const words = (): Text => readFileSync(file, 'utf8')

// What vitest makes of this differs between the config and the workers: types, comments, imports, quotes.
export const app = layer({ from: 'debian-12', name: 'app', inputs: [file] }, async (guest): Promise<void> => {
  await guest.writeFile('/root/words', words()) // "
  await guest.exec('echo the app is running >&2; echo app >/run/app')
  if (process.env['LAYER_FAILS']) await guest.exec('echo what is wrong >&2; exit 4')
})

export const upper = layer({ from: app, name: 'upper' }, (guest) => guest.exec('echo upper >/run/upper'))
