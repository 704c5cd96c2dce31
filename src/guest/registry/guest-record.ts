import { randomInt } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { isOwnFile, isOwnFolder, readOwnFile } from '../../host/files/own-files.ts'
import { makePrivateFolder } from '../../host/files/private-folder.ts'
import { parseJson } from '../../host/parse-json.ts'
import type { Network } from '../../network/network.ts'
import type { Credentials } from '../../seed/credentials.ts'
import { knownHosts, sshConfig } from './ssh-config.ts'

/** What another process needs to know about a running guest. */
export interface GuestRecord {
  readonly id: string
  readonly hostname: string
  readonly address: string
  readonly image: string
  /** The name of its TAP; none on a `user` network. */
  readonly tap?: string | undefined
  /** The process that started it. */
  readonly pid: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** `ssh-ed25519 AAAA…` */
  readonly hostPublicKey: string
}

/** In the network's state folder: a folder for each guest, named by its ID. */
export const GUESTS = 'guests'
const RECORD_FILES = {
  record: 'guest.json',
  key: 'client_key',
  knownHosts: 'known_hosts',
  sshConfig: 'ssh_config',
} as const

/** Without vowels an ID is not a word, and without digits not a number to Ansible or a shell. There are 64 million. */
const LETTERS = 'bcdfghjklmnpqrstvwxz'
const ID_LENGTH = 6
const ID = new RegExp(`^[${LETTERS}]{${ID_LENGTH}}$`)

export interface WrittenConfig extends Disposable {
  readonly path: string
}

interface Facts extends Pick<GuestRecord, 'hostname' | 'address' | 'image'> {
  readonly network: Pick<Network, 'stateFolder' | 'socketPath'>
  readonly tap?: string | undefined
  readonly credentials: Credentials
}

/** Records how to reach a guest, for OpenSSH and `vitest-guest ssh` of this user, until the guest or its network ends. */
export function writeRecord({ network, hostname, address, image, tap, credentials }: Facts) {
  const { stateFolder, socketPath } = network
  const { clientKey, hostPublicKey } = credentials
  const id = Array.from({ length: ID_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('')
  const folder = join(stateFolder, GUESTS, id)
  const path = (name: keyof typeof RECORD_FILES) => recordFile(stateFolder, id, name)
  const origin = { pid: process.pid, startedAt: Date.now() }
  const record: GuestRecord = { id, hostname, address, image, tap, ...origin, hostPublicKey }
  // Without creating the state folder: a network that was closed meanwhile must not leave a key behind.
  makePrivateFolder(join(stateFolder, GUESTS))
  makePrivateFolder(folder)
  const mode = 0o600
  const write = (name: keyof typeof RECORD_FILES, text: string) => writeFileSync(path(name), text, { mode })
  const login = { id, hostname, address, keyFile: path('key'), knownHostsFile: path('knownHosts') }
  // OpenSSH rejects a key without a final newline.
  write('key', `${clientKey.trimEnd()}\n`)
  write('knownHosts', knownHosts(id, hostPublicKey))
  write('sshConfig', sshConfig({ ...login, socketPath }))
  // Written last: if it exists, so do the others.
  write('record', JSON.stringify(record))
  return {
    id,
    sshConfig: path('sshConfig'),
    /** Another one, for a port of 127.0.0.1 that is forwarded to the guest's sshd. */
    writeSshConfig: (localPort: number): WrittenConfig => {
      const config = `${path('sshConfig')}.${localPort}`
      // If the guest was disposed of meanwhile, its folder is gone.
      if (existsSync(folder)) writeFileSync(config, sshConfig({ ...login, localPort }), { mode })
      return { path: config, [Symbol.dispose]: () => rmSync(config, { force: true }) }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export function recordFile(stateFolder: string, id: string, name: keyof typeof RECORD_FILES): string {
  return join(stateFolder, GUESTS, id, RECORD_FILES[name])
}

/** The record of a guest; undefined unless this user owns all of its files, and nobody else can read or write them. */
export async function readRecord(stateFolder: string, id: string): Promise<GuestRecord | undefined> {
  if (!ID.test(id) || !(await isOwnFolder(join(stateFolder, GUESTS, id)))) return undefined
  const text = await readOwnFile(recordFile(stateFolder, id, 'record'))
  const others = ['key', 'knownHosts', 'sshConfig'] as const
  const areOwn = await Promise.all(others.map((name) => isOwnFile(recordFile(stateFolder, id, name))))
  if (text === undefined || areOwn.includes(false)) return undefined
  const record = parseJson(text)
  return isRecord(record) && record.id === id ? record : undefined
}

function isRecord(value: unknown): value is GuestRecord {
  const { hostname, address, image, tap, pid, startedAt, hostPublicKey } = (value ?? {}) as Partial<GuestRecord>
  const texts = [hostname, image, tap ?? '', hostPublicKey]
  return (
    texts.every((text) => typeof text === 'string') &&
    isIP(String(address)) !== 0 &&
    [pid, startedAt].every(Number.isFinite)
  )
}
