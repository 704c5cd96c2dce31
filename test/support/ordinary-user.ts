import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { asRoot } from './sudo.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** An ordinary user: the one who runs the tests or, if that is root, one created for this. */
export interface OrdinaryUser extends AsyncDisposable {
  /** A folder of theirs. */
  readonly home: string
  /** The command line that runs another one, on this repository's files, as that user. */
  as(command: readonly string[]): [string, ...string[]]
  /** Gives them a file or folder. */
  own(path: string): Promise<void>
  /** Lets them run `ip` as root by `sudo -n`, until the end. */
  allowIp(): Promise<void>
}

/** They may open `/dev/net/tun`, which is udev's default. */
export async function ordinaryUser(): Promise<OrdinaryUser> {
  const home = await mkdtemp(join(tmpdir(), 'vg-home-'))
  if (process.getuid?.() !== 0) {
    const tunMode = (await stat('/dev/net/tun')).mode & 0o777
    const openTun = (mode: number) => asRoot(['chmod', mode.toString(8), '/dev/net/tun'])
    if (tunMode !== 0o666) await openTun(0o666)
    return {
      home,
      as: ([file = '', ...args]) => [file, ...args],
      own: () => Promise.resolve(),
      allowIp: () => Promise.resolve(),
      [Symbol.asyncDispose]: async () => {
        if (tunMode !== 0o666) await openTun(tunMode)
        await rm(home, { recursive: true, force: true })
      },
    }
  }
  const name = `vg-${process.pid}`
  // With subordinate ids, which useradd gives to all but system users.
  await execa('/usr/sbin/useradd', ['--no-create-home', '--home-dir', home, name])
  const uid = Number((await execa('id', ['-u', name])).stdout)
  await chown(home, uid, uid)
  // A separate node: closing the host's afterwards would close it to the user of a parallel test.
  const tun = `/dev/net/${name}`
  await execa('mknod', ['--mode=0666', tun, 'c', '10', '200'])
  // The repository may be where only root has access, so they see it under /mnt, in a mount namespace.
  const mounts = `mount --bind "$0" /mnt && mount --bind ${tun} /dev/net/tun`
  const drop = `${mounts} && exec setpriv --reuid=${uid} --regid=${uid} --clear-groups -- "$@"`
  const moved = (word: string) => (word.startsWith(ROOT) ? join('/mnt', word.slice(ROOT.length)) : word)
  const rule = `/etc/sudoers.d/${name}`
  return {
    home,
    as: (command) => ['unshare', '--mount', 'sh', '-c', drop, ROOT, ...command.map(moved)],
    allowIp: () =>
      writeFile(rule, `${name} ALL=(root) NOPASSWD: /sbin/ip, /usr/sbin/ip, /bin/ip, /usr/bin/ip\n`, { mode: 0o440 }),
    own: (path) => execa('chown', ['-R', `${uid}:${uid}`, path]).then(() => {}),
    [Symbol.asyncDispose]: async () => {
      await rm(tun, { force: true })
      await rm(rule, { force: true })
      await execa('/usr/sbin/userdel', ['--force', name], { reject: false })
      await rm(home, { recursive: true, force: true })
    },
  }
}
