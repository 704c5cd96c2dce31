import { mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { makeRecipe } from '../../../src/image/build/recipe.ts'
import { resolveImage } from '../../../src/image/resolve-image.ts'
import { sealImage } from '../../../src/image/seal-image.ts'
import type { BuiltImage } from '../../../src/options/image.ts'
import { quote } from '../../../src/ssh/quote.ts'

const DEFAULT: BuiltImage = { base: 'debian-12', packages: [] }
const DISK_SIZE = 8 * 1024 ** 3

/**
 * Puts a default image that only boots its initramfs into a new cache folder: the real kernel and initrd, an
 * empty disk, and a script that the initramfs runs at its start.
 */
export async function breakImage(cache: string, script: string): Promise<void> {
  const { folder } = await putImage(cache, script)
  await using disk = await open(join(folder, 'disk.raw'), 'w')
  await disk.truncate(DISK_SIZE)
  await sealImage(folder)
}

/** A kernel from a package, which replaces the image's own. */
export interface Kernel {
  package: string
  path: string
  /** The modules that it needs for its disk, its seed and its card. */
  modules: readonly string[]
}

/** Applies what sshd needs of the seed, on a system without cloud-init. */
const APPLY_SEED = `
import json, os
def write(path, content, mode):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, mode), 'w') as file: file.write(content)
# What is no comment is JSON.
seed = json.loads(''.join(line for line in open('/mnt/user-data') if line[0] != '#'))
for file in seed['write_files']: write(file['path'], file['content'], 0o600)
write('/etc/ssh/ssh_host_ed25519_key', seed['ssh_keys']['ed25519_private'], 0o600)
write('/root/.ssh/authorized_keys', seed['users'][0]['ssh_authorized_keys'][0], 0o600)
for card in json.loads(open('/mnt/network-config').read())['ethernets'].values(): print(*card['addresses'])
`

/** The initramfs does not know the modules' dependencies, so each round loads those that now can be loaded. */
const LOAD_MODULES = `
ln -s "$(command -v modprobe)" /run/insmod
for round in 1 2 3 4 5; do
  for module in /modules/*; do /run/insmod "$module" 2>/dev/null; done
done`

/**
 * Puts into a new cache folder a default image without systemd and cloud-init: the real kernel, initrd and disk, of which a shell is
 * the first process, that gives the card its address and becomes sshd. It is up in a quarter of the time.
 * @param script what the shell does before
 */
export async function makeImageWithoutSystemd(cache: string, script = '', kernel?: Kernel): Promise<void> {
  const init = `
export PATH=/usr/sbin:/usr/bin
modprobe virtio_net
mount /dev/vdb /mnt
addresses=$(python3 -I -S -c "$APPLY_SEED")
for address in $addresses; do ip address add "$address" dev eth0; done
ip link set lo up
ip link set eth0 up
mkdir -p /run/sshd
${script}
exec /usr/sbin/sshd -D -e`
  const { folder, disk } = await putImage(
    cache,
    `${kernel ? LOAD_MODULES : 'for module in virtio_pci virtio_blk ext4; do modprobe $module; done'}
mount -t ext4 /dev/vda /root
for folder in dev proc sys run; do mount -o move /$folder /root/$folder; done
export APPLY_SEED=${quote(APPLY_SEED)}
exec run-init /root /bin/bash -c ${quote(init)} </root/dev/console >/root/dev/console 2>&1`,
    kernel,
  )
  await symlink(disk, join(folder, 'disk.raw'))
  await sealImage(folder)
}

/** All of the default image but its disk, with a script for the initramfs. */
async function putImage(cache: string, script: string, kernel?: Kernel): Promise<{ folder: string; disk: string }> {
  const { direct, disk } = await resolveImage(DEFAULT)
  const image = kernel ? { ...DEFAULT, packages: [kernel.package] } : DEFAULT
  const folder = join(cache, 'images', makeRecipe(image).folder)
  await mkdir(folder, { recursive: true })
  await symlink(kernel?.path ?? (direct?.kernel as string), join(folder, 'kernel'))
  const modules = await Promise.all(
    (kernel?.modules ?? []).map(async (path) => [`modules/${basename(path)}`, await readFile(path, 'latin1')] as const),
  )
  // The kernel unpacks one archive after the other.
  const early = cpio({
    conf: undefined,
    'conf/conf.d': undefined,
    'conf/conf.d/ours': `${script}\n`,
    modules: undefined,
    ...Object.fromEntries(modules),
  })
  await writeFile(join(folder, 'initrd'), Buffer.concat([early, await readFile(direct?.initrd as string)]))
  return { folder, disk: disk.path }
}

/**
 * An archive of folders (no text) and files, in the format of an initramfs
 * (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html).
 */
function cpio(entries: Record<string, string | undefined>): Buffer {
  const all = [...Object.entries(entries), ['TRAILER!!!', ''] as const]
  const pieces = all.map(([name, text], index) => {
    const mode = text === undefined ? 0o040755 : 0o100644
    // Inode, mode, owner, group, links, time, size, two device numbers twice, the name's length, checksum.
    const fields = [index + 1, mode, 0, 0, 1, 0, text?.length ?? 0, 0, 0, 0, 0, name.length + 1, 0]
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`
    return padded(header) + padded(text ?? '')
  })
  return Buffer.from(pieces.join(''), 'latin1')
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, '\0')
}
