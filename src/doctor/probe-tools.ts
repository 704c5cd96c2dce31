import { messageOf } from '../host/message-of.ts'
import type { Capability } from './capability.ts'
import { installCommand } from './distribution.ts'
import { run } from '../host/program/run.ts'
import { findTool, ISO_WRITERS, PACKAGE_OF, type Tool } from '../host/program/tools.ts'

/** Milliseconds: a program that does not even tell its version is no use. */
const VERSION_BUDGET = 5000

interface Need {
  readonly name: string
  readonly tools: readonly [Tool, ...Tool[]]
  /** One of the tools is enough. */
  readonly any?: true
  /** How the first of them is asked for its version, on stdout. */
  readonly version?: string
  readonly means: string
  readonly without: string
  /** Guests run without it. */
  readonly optional?: true
}

const UNBUILT = 'the default image cannot be built; a disk of your own still boots'

const NEEDS: readonly Need[] = [
  {
    name: 'QEMU',
    tools: ['qemu-system-x86_64'],
    version: '--version',
    means: 'runs guests',
    without: 'guests cannot run',
  },
  {
    name: 'qemu-img',
    tools: ['qemu-img'],
    version: '--version',
    means: 'checks and creates disks',
    without: 'no disk can be checked or created',
  },
  {
    name: 'ip',
    tools: ['ip'],
    version: '-V',
    means: 'creates bridges and TAPs',
    without: 'no bridge or TAP can be created',
    optional: true,
  },
  {
    name: 'util-linux',
    tools: ['unshare', 'nsenter'],
    version: '--version',
    means: 'runs private networks',
    without: 'no private network can be created',
    optional: true,
  },
  {
    name: 'setpriv',
    tools: ['setpriv'],
    version: '--version',
    means: 'makes QEMU exit with its parent',
    without: 'no guest can be started',
  },
  {
    name: 'ISO writer',
    tools: ISO_WRITERS,
    any: true,
    version: '--version',
    means: 'writes the cloud-init seed',
    without: 'no guest can be given its address and password',
  },
  {
    name: 'dnsmasq',
    tools: ['dnsmasq'],
    version: '--version',
    means: "leases addresses (addressing: 'dhcp')",
    without: "no network can have addressing: 'dhcp'",
    optional: true,
  },
  {
    name: 'slirp4netns',
    tools: ['slirp4netns'],
    version: '--version',
    means: 'connects a network to the outside (egress: true)',
    without: 'no network can have egress: true',
    optional: true,
  },
  {
    name: 'nft',
    tools: ['nft'],
    version: '--version',
    means: 'reads the firewall when a guest does not answer',
    without: 'a firewall that blocks guests cannot be identified',
    optional: true,
  },
  {
    name: 'mmdebstrap',
    tools: ['mmdebstrap'],
    version: '--version',
    means: 'builds the default image',
    without: UNBUILT,
    optional: true,
  },
  {
    name: 'mke2fs',
    tools: ['mke2fs'],
    means: "creates the default image's file system",
    without: UNBUILT,
    optional: true,
  },
  {
    name: 'tar',
    tools: ['tar'],
    version: '--version',
    means: 'packs the default image',
    without: UNBUILT,
    optional: true,
  },
]

/** Looks for every host program and asks each for its version, all at once. */
export function probeTools(): Promise<Capability[]> {
  return Promise.all(NEEDS.map(probe))
}

async function probe({ name, tools, any, version, means, without, optional }: Need): Promise<Capability> {
  const state = optional ? 'degraded' : 'missing'
  const paths = tools.map(findTool)
  const lacking = tools.filter((_, index) => paths[index] === undefined)
  const first = paths.find((path) => path !== undefined)
  if (first === undefined || (!any && lacking.length > 0)) {
    const found = any ? `none of ${tools.join(', ')}` : `no ${lacking.join(', ')}`
    return { name, state, found, means: without, fix: installCommand([PACKAGE_OF[lacking[0] ?? tools[0]]]) }
  }
  try {
    const text = version === undefined ? '' : await run(first, [version], { timeoutMs: VERSION_BUDGET })
    const number = /\d+(?:\.\d+)+/.exec(text)?.[0]
    return { name, state: 'ok', found: [number, first].filter(Boolean).join('  '), means }
  } catch (error) {
    const fix = installCommand([PACKAGE_OF[tools[paths.indexOf(first)] ?? tools[0]], '--reinstall'])
    return { name, state, found: `${first}: ${messageOf(error)}`, means: without, fix }
  }
}
