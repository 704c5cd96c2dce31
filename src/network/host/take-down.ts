import { run } from '../../host/program/run.ts'
import { aliasOf, restoreCommands, removeLinkCommands } from '../ip-commands.ts'
import { readRecord, removeRecord, type HostRecord } from './host-record.ts'

/** Runs `ip` with the rights to change interfaces, and returns its output. */
export type Ip = (args: readonly string[], input?: string) => Promise<string>

/** @param admin the first words of the command line: `ip`, or `sudo -n ip` */
export function ipAs([file = '', ...args]: readonly string[]): Ip {
  return (rest, input) => run(file, [...args, ...rest], input === undefined ? {} : { input })
}

interface Link {
  readonly ifname: string
  readonly ifalias?: string
}

/** Removes the interfaces that a network's record describes, then the record. @throws HostError when something is left */
export async function takeDown(path: string, ip: Ip): Promise<void> {
  const record = await readRecord(path)
  if (record) await undo(record, ip)
  await removeRecord(path)
}

async function undo(record: HostRecord, ip: Ip): Promise<void> {
  const ours = (await links(ip)).filter(({ ifalias }) => ifalias === aliasOf(record.id)).map(({ ifname }) => ifname)
  // TAPs before their bridge.
  const names = ours.sort((one, other) => Number(one === record.bridge) - Number(other === record.bridge))
  const isThere = record.adopted && (await links(ip)).some(({ ifname }) => ifname === record.bridge)
  const commands =
    removeLinkCommands(names) + (record.adopted && isThere ? restoreCommands(record, record.adopted) : '')
  if (commands !== '') await ip(['-force', '-batch', '-'], commands)
}

async function links(ip: Ip): Promise<Link[]> {
  return JSON.parse((await ip(['-json', 'link', 'show'])) || '[]') as Link[]
}
