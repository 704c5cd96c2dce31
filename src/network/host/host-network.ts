import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { holdLock } from '../../host/program/lock.ts'
import { requireAdmin } from '../../host/rights/net-admin.ts'
import { nameOf } from '../../host/program/process-name.ts'
import { qemuUser } from '../../host/rights/qemu-user.ts'
import { requireTun } from '../../host/rights/tun.ts'
import { acquire } from '../../lifetime/disposers.ts'
import type { NetworkSpec } from '../../options/network/network-options.ts'
import { askForIp } from '../keeper/ask-keeper.ts'
import { bridgedNetwork, make, type Bridged } from '../bridged-network.ts'
import { chooseSubnet, takenBy } from './choose-subnet.ts'
import { hostAddresses, hostLinks, hostRoutes } from './host-facts.ts'
import {
  bootId,
  type HostRecord,
  isHere,
  ownNamespaces,
  readRecords,
  recordPath,
  RECORDS_LOCK,
  writeRecord,
  type Adopted,
  type HostAddress,
} from './host-record.ts'
import { adoptCommands, aliasOf, bridgeCommands, ownAddresses, type Mark } from '../ip-commands.ts'
import type { Network } from '../network.ts'
import { startUnprivilegedKeeper } from '../keeper/start-keeper.ts'
import { sweep } from './sweep.ts'
import { ipAs, takeDown, type Ip } from './take-down.ts'
import { verifyBridge, verifyTap } from './verify-links.ts'
import { NetworkError } from '../../errors.ts'
import type { BridgeOptions } from '../../options/network/bridge-options.ts'

/** A bridge and TAPs in this process's network namespace, created with CAP_NET_ADMIN or `sudo -n`. This user owns the TAPs, so QEMU needs neither. */
export async function hostNetwork(spec: NetworkSpec, signal?: AbortSignal, reason?: string): Promise<Network> {
  const admin = await requireAdmin()
  requireTun()
  const ip = ipAs(admin)
  const id = randomBytes(3).toString('hex')
  const path = recordPath(id)
  return acquire(async (disposers) => {
    // There is only something to do if the keeper was killed.
    disposers.defer(() => existsSync(path) && takeDown(path, ip))
    const keeper = disposers.use(await startUnprivilegedKeeper('host', [path, ...admin], signal))
    const { record, place } = await reserve(spec, { id, holder: nameOf(keeper.pid) }, ip, signal)
    const { bridge, adopted } = record
    const mark: Mark = { uid: qemuUser()?.uid ?? process.getuid?.() ?? 0, alias: aliasOf(id) }
    const bridged: Bridged = {
      kind: 'host',
      reason,
      bridge,
      ...place,
      keeper,
      mark,
      ip: (commands, ipSignal) => askForIp(keeper.socketPath, commands, ipSignal),
      tapName: (index) => `vg${id}t${index}`,
      verify: async (tap) => {
        const [link] = await hostLinks(tap)
        if (link) verifyTap(link, bridge, mark.uid)
      },
    }
    const commands = adopted ? adoptCommands(bridged, bridge, adopted) : bridgeCommands(bridged, bridge, mark)
    await make(bridged, commands, `create bridge ${bridge}`, signal)
    const [link] = await hostLinks(bridge)
    if (link) verifyBridge(link, (await hostAddresses()).get(bridge) ?? [], place.gateway)
    return bridgedNetwork(bridged, disposers)
  })
}

/** Takes down what dead processes left, chooses names and a subnet, and records them before anything is created; one network at a time. */
async function reserve(
  spec: NetworkSpec,
  { id, holder }: Pick<HostRecord, 'id' | 'holder'>,
  ip: Ip,
  signal: AbortSignal | undefined,
) {
  await using _ = await holdLock(RECORDS_LOCK, signal)
  const others = (await sweep(await readRecords(), ip)).filter(isHere)
  const withIpv6 = spec.subnet6 !== undefined
  const [routes, addresses] = await Promise.all([hostRoutes(withIpv6), hostAddresses(withIpv6)])
  const bridge = spec.bridge?.name ?? `vg${id}br`
  const adopted = spec.bridge && (await adoptable(spec.bridge, addresses.get(bridge) ?? [], others))
  // The addresses of an adopted bridge are replaced.
  if (adopted) addresses.delete(bridge)
  const inTheWay = routes.filter(({ dev }) => !adopted || dev !== bridge)
  const place = chooseSubnet(spec, takenBy(inTheWay, addresses, others))
  const record: HostRecord = {
    id,
    holder,
    owner: process.pid,
    boot: bootId(),
    namespaces: ownNamespaces(),
    bridge,
    ...(adopted && { adopted }),
    subnet: place.subnet.cidr,
    ...(place.subnet6 && { subnet6: place.subnet6.cidr }),
    own: ownAddresses(place),
  }
  await writeRecord(record)
  return { record, place }
}

/** The state of a bridge that is to be adopted; undefined when there is none. @throws NetworkError when it must not be touched */
async function adoptable(
  { name, adopt }: BridgeOptions,
  addresses: readonly HostAddress[],
  others: readonly HostRecord[],
): Promise<Adopted | undefined> {
  const other = others.find(({ bridge }) => bridge === name)
  if (other) {
    throw new NetworkError(`The bridge ${name} belongs to another network, opened by process ${other.owner}`, {
      hint: 'Give each network its own bridge, or omit the name.',
    })
  }
  const link = (await hostLinks()).find(({ ifname }) => ifname === name)
  if (!link) return undefined
  if (link.linkinfo?.info_kind !== 'bridge') {
    throw new NetworkError(`An interface ${name} already exists and is not a bridge`, {
      hint: 'Use another name, or omit it.',
    })
  }
  if (adopt) return { isUp: link.flags.includes('UP'), mtu: link.mtu, addresses }
  const old = addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`).join(', ')
  throw old === ''
    ? new NetworkError(`A bridge ${name} already exists`, {
        hint: `Adopt it with bridge: { name: '${name}', adopt: true }, or remove it: sudo ip link delete dev ${name}`,
      })
    : new NetworkError(`A bridge ${name} already exists, with an old address: ${old}`, {
        hint: `bridge: { name: '${name}', adopt: true } adopts the bridge, flushes that address, and restores it at the end.`,
      })
}
