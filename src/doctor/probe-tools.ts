import { messageOf } from '../host/message-of.ts'
import type { Capability } from './capability.ts'
import { installCommand } from './missing-packages.ts'
import { run } from '../host/program/run.ts'
import { findTool, ISO_WRITERS, PACKAGE_OF, type Tool } from '../host/program/tools.ts'

/** Milliseconds for a program to print its version. */
const VERSION_BUDGET = 5000

/** A name, the tools for it, what they are for, and what cannot be done without them. */
type Need = readonly [name: string, tools: readonly [Tool, ...Tool[]], means: string, without: string]

const UNBUILT = 'the default image cannot be built; a disk of your own still boots'

const NEEDS: readonly Need[] = [
  ['QEMU', ['qemu-system-x86_64'], 'runs guests', 'guests cannot run'],
  ['qemu-img', ['qemu-img'], 'checks and creates disks', 'no disk can be checked or created'],
  ['ip', ['ip'], 'creates bridges and TAPs', 'no bridge or TAP can be created'],
  ['util-linux', ['unshare', 'nsenter'], 'runs private networks', 'no private network can be created'],
  ['setpriv', ['setpriv'], 'makes QEMU exit with its parent', 'no guest can be started'],
  ['ISO writer', ISO_WRITERS, 'writes the cloud-init seed', 'no guest can be given its address and password'],
  ['dnsmasq', ['dnsmasq'], "leases addresses (addressing: 'dhcp')", "no network can have addressing: 'dhcp'"],
  [
    'slirp4netns',
    ['slirp4netns'],
    'connects a network to the outside (egress: true)',
    'no network can have egress: true',
  ],
  [
    'nft',
    ['nft'],
    'reads the firewall when a guest does not answer',
    'a firewall that blocks guests cannot be identified',
  ],
  ['mmdebstrap', ['mmdebstrap'], 'builds the default image', UNBUILT],
  ['mke2fs', ['mke2fs'], "creates the default image's file system", UNBUILT],
  ['tar', ['tar'], 'packs the default image', UNBUILT],
]
/** Without these no guest runs. */
const REQUIRED = ['QEMU', 'qemu-img', 'setpriv', 'ISO writer']

/** Looks for every host program and asks each for its version, all at once. */
export function probeTools(): Promise<Capability[]> {
  return Promise.all(NEEDS.map(probe))
}

async function probe([name, tools, means, without]: Need): Promise<Capability> {
  const state = REQUIRED.includes(name) ? 'missing' : 'degraded'
  const paths = tools.map(findTool)
  const lacking = tools.filter((_, index) => paths[index] === undefined)
  const first = paths.find((path) => path !== undefined)
  const oneIsEnough = tools === ISO_WRITERS
  if (first === undefined || (!oneIsEnough && lacking.length > 0)) {
    const found = oneIsEnough ? `none of ${tools.join(', ')}` : `no ${lacking.join(', ')}`
    return { name, state, found, means: without, fix: installCommand([PACKAGE_OF[lacking[0] ?? tools[0]]]) }
  }
  try {
    // mke2fs prints its version only on stderr.
    const version = name === 'ip' ? '-V' : '--version'
    const text = name === 'mke2fs' ? '' : await run(first, [version], { timeoutMs: VERSION_BUDGET })
    const number = /\d+(?:\.\d+)+/.exec(text)?.[0]
    return { name, state: 'ok', found: [number, first].filter(Boolean).join('  '), means }
  } catch (error) {
    const fix = installCommand([PACKAGE_OF[tools[paths.indexOf(first)] ?? tools[0]], '--reinstall'])
    return { name, state, found: `${first}: ${messageOf(error)}`, means: without, fix }
  }
}
