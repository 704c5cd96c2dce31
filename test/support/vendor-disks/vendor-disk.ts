import { createHash } from 'node:crypto'
import { access, chmod, mkdir, mkdtemp, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from '../../../src/host/environment.ts'
import { takeLock } from '../../../src/host/program/lock.ts'
import { requireTool } from '../../../src/host/program/tools.ts'
import { removeAsRoot, runAsRoot } from '../../../src/image/build/build-step.ts'
import { makeGrubDisk } from '../odd-image/grub-disk.ts'
import { DISKS, MAKE_FILE_SYSTEM, PACKAGES, type VendorDisk } from './disks.ts'

type Suite = (typeof DISKS)[VendorDisk]['suite']

function recipeOf(suite: Suite) {
  return {
    suite,
    mmdebstrap: [
      '--mode=root',
      '--format=directory',
      '--variant=minbase',
      '--aptopt=APT::Install-Recommends "false"',
      // A mirror may be behind.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      '--dpkgopt=path-exclude=/usr/share/man/*',
      '--dpkgopt=path-exclude=/usr/share/locale/*',
      `--include=${PACKAGES.join(',')}`,
    ],
    // Each from what the one before has left.
    customize: [MAKE_FILE_SYSTEM, ...disksOf(suite).map((disk) => `${DISKS[disk].make}\nfile_system ${disk}\n`)].join(
      '',
    ),
  }
}

function disksOf(suite: Suite): VendorDisk[] {
  return (Object.keys(DISKS) as VendorDisk[]).filter((disk) => DISKS[disk].suite === suite)
}

/**
 * A disk like a vendor's cloud image: Debian's packages as they come, a boot loader, cloud-init, and one program that manages the
 * network. All disks of one release are built at once, and kept in the cache folder.
 */
export async function vendorDisk(disk: VendorDisk): Promise<string> {
  const { suite } = DISKS[disk]
  const key = createHash('sha256')
    .update(JSON.stringify(recipeOf(suite)))
    .digest('hex')
    .slice(0, 12)
  const folder = join(cacheFolder(), 'tests', `vendor-disks-${suite}-${key}`)
  await mkdir(join(folder, '..'), { recursive: true })
  await using _ = await takeLock(`${folder}.lock`, `the disks of ${suite}`, () => {})
  const isThere = await access(folder).then(
    () => true,
    () => false,
  )
  if (!isThere) await build(suite, folder)
  return join(folder, nameOf(disk))
}

/** With a comma, which is special to QEMU. */
function nameOf(disk: VendorDisk): string {
  return `${disk}, ${DISKS[disk].suite}.qcow2`
}

async function build(suite: Suite, folder: string): Promise<void> {
  const building = await mkdtemp(`${folder}.`)
  try {
    const [root, customize, disks] = ['root', 'customize', 'disks'].map((name) => join(building, name)) as [
      string,
      string,
      string,
    ]
    const recipe = recipeOf(suite)
    // apt fetches as its own user, who must be able to enter.
    await chmod(building, 0o755)
    await writeFile(customize, recipe.customize, { mode: 0o755 })
    const options = [...recipe.mmdebstrap, `--customize-hook=${customize}`]
    await runAsRoot([requireTool('mmdebstrap'), ...options, suite, root], { cwd: building })
    await mkdir(disks)
    for (const disk of disksOf(suite)) {
      await makeGrubDisk({ fileSystem: join(building, `${disk}.raw`), disk: join(disks, nameOf(disk)) })
    }
    await rename(disks, folder)
  } finally {
    await removeAsRoot(building)
  }
}
