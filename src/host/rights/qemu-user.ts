import { readFileSync } from 'node:fs'

/** A user who owns nothing on this host except what is created for a machine. */
export interface QemuUser {
  readonly uid: number
  readonly gid: number
}

/** From the range that is never assigned (https://systemd.io/UIDS-GIDS: 1879048192 to 2147483647). */
const NOBODYS = 2_000_018_000
/** Bits of CapEff (capabilities(7)): CHOWN, SETGID, SETUID, SETPCAP, NET_ADMIN, SYS_ADMIN. */
const NEEDED = [0n, 6n, 7n, 8n, 12n, 21n].reduce((all, bit) => all | (1n << bit), 0n)

let known: { readonly user: QemuUser | undefined } | undefined

/**
 * The unprivileged user that root's QEMU runs as. Undefined for an ordinary user, who runs QEMU as themselves, and for root in a container
 * that has no other users, or without the capabilities to become one.
 */
export function qemuUser(): QemuUser | undefined {
  const isRoot = process.getuid?.() === 0
  known ??= { user: isRoot ? unprivileged(read('uid_map'), read('gid_map'), read('status')) : undefined }
  return known.user
}

/** The same, given what is in /proc/self. A container may have fewer user ids than the host; its last one is the likeliest to be free. */
export function unprivileged(uidMap: string, gidMap: string, status: string): QemuUser | undefined {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  const [uid, gid] = [lastIn(uidMap), lastIn(gidMap)]
  return (effective & NEEDED) === NEEDED && uid > 0 && gid > 0 ? { uid, gid } : undefined
}

function lastIn(map: string): number {
  const lines = map.trim().split('\n')
  const ranges = lines.map((line) => line.trim().split(/\s+/).map(Number))
  const isMapped = ranges.some(([first = 0, , count = 0]) => first <= NOBODYS && NOBODYS < first + count)
  return isMapped ? NOBODYS : Math.max(...ranges.map(([first = 0, , count = 0]) => first + count - 1))
}

function read(name: string): string {
  return readFileSync(`/proc/self/${name}`, 'utf8')
}
