import { existsSync } from 'node:fs'
import type { Client } from 'ssh2'
import { BootError, NetworkError, SshError } from '../../errors.ts'
import { budgetFactor } from '../../accelerator/accelerator.ts'
import { qemuVersion } from '../../host/program/qemu-version.ts'
import { acquire } from '../../lifetime/disposers.ts'
import { discardTemplate, findTemplate, type Unfreezable } from '../../template/find-template.ts'
import { hasChangeableCards, IdentityError, isIdentityOf, usualGuest } from '../../template/identity/identity.ts'
import { templateKey } from '../../template/key.ts'
import type { Template } from '../../template/store.ts'
import { templateFault, thaw } from '../../template/thaw.ts'
import { ResumeAgentPort } from '../../template/identity/resume-agent.ts'
import type { Network } from '../../network/network.ts'
import type { Dhcp } from '../../network/services/dnsmasq.ts'
import { exec } from '../../ssh/command/exec.ts'
import { quote } from '../../ssh/quote.ts'
import { hardwareOf, rootLogin, withinBudget, type Start } from './boot-machine.ts'
import { buildTemplate } from './build-template.ts'
import { interfacesOf } from '../network/further-cards.ts'
import { openSsh } from '../connection/open-ssh.ts'
import { cloneIdentityOf } from './clone-identity.ts'
import type { Started } from './start-cold.ts'
import { warnOnce } from '../../host/warn-once.ts'
import { explainBusyTap } from '../../network/diagnosis/tap-in-use.ts'
import { explainSilence, requireUnanswered } from '../network/address-conflict.ts'
import type { GuestSpec } from '../../options/guest-options.ts'

/** With KVM, in milliseconds: from starting QEMU to a clone that is ready. */
const THAW_BUDGET = 10_000
/** With KVM, in milliseconds: what a clone's network may take to have another address. */
const BECOMING_BUDGET = 3_000

/** Clones a guest from its template, which is built if there is none, and rebuilt once if broken. Undefined when it cannot be frozen. */
export async function startWarm(start: Start): Promise<Started | undefined> {
  // In the host's own namespace the networks that a template is built on would be there twice.
  if (start.cards.length > 0 && start.network.kind !== 'private') return undefined
  const { spec, phases, signal } = start
  const find = () => phases.run('template', () => templateFor(start))
  let template = await find()
  if ('unfreezable' in template) return warnOfUnfreezable(spec, template)
  try {
    return await cloneTemplate(template, start)
  } catch (error) {
    signal?.throwIfAborted()
    await requireOpen(start.network, spec.hostname, error)
    if (error instanceof IdentityError) return warnOfFailedIdentity(spec, template, error)
    // Nothing else is the machine's: a full disk or a bug of the caller's listener would meet the next template too.
    if (!(error instanceof BootError || error instanceof SshError)) throw error
    const fault = await templateFault(template, error)
    if (fault === undefined) throw error
    warnOnce(`A template could not be restored and is being rebuilt: ${fault}`)
    await discardTemplate(template)
    template = await find()
    if ('unfreezable' in template) return warnOfUnfreezable(spec, template)
    return await cloneTemplate(template, start)
  }
}

/** A network that is closed takes the machine with it; its folder goes first. @throws NetworkError */
async function requireOpen({ ready, stateFolder }: Network, hostname: string, cause: unknown): Promise<void> {
  await ready.catch(() => {})
  if (existsSync(stateFolder)) return
  throw new NetworkError(`The network was closed while guest ${hostname} was starting`, {
    cause,
    hint: 'Await the start before disposing of the network, or abort it with its signal.',
  })
}

/** What decides which template it is, and where it is built if there is none. */
type TemplateWish = Pick<Start, 'spec' | 'accel' | 'image' | 'network' | 'onProgress' | 'onConsole' | 'signal'> &
  Partial<Pick<Start, 'place' | 'further'>>

export async function templateFor(wish: TemplateWish): Promise<Template | Unfreezable> {
  const { spec, network } = wish
  // What a machine with several cards is to be told apart by is all of them.
  if (!hasChangeableCards(spec) || wish.further?.length) return findOrBuild(wish, true)
  const template = await findOrBuild({ ...wish, spec: usualGuest(spec, network) }, false)
  if ('unfreezable' in template || !template.unchangeable || isIdentityOf(spec, template)) return template
  warnOfUnchangeable(spec, template)
  return findOrBuild(wish, true)
}

async function findOrBuild(wish: TemplateWish, hasOwnIdentity: boolean): Promise<Template | Unfreezable> {
  const { spec, accel, image, network, onProgress, signal } = wish
  const cards = (await Promise.all(wish.further ?? [])).map(({ network, attachment: { member }, macAddress }) => ({
    network,
    address: member.address,
    macAddress,
  }))
  const key = templateKey({
    spec,
    cards,
    network,
    accel,
    imageDigest: await image.digest(signal),
    direct: image.direct,
    qemuVersion: await qemuVersion(signal),
    hasOwnIdentity,
  })
  const label = `${image.label}, ${spec.memoryMib} MiB, ${spec.hostname}`
  const build = (folder: string, tell: (state: string) => void) => {
    const progress = (line: string) => {
      onProgress(line)
      // Who waits is told the label anyway.
      tell(line.replace(`template ${label}: `, ''))
    }
    return buildTemplate(folder, { ...wish, cards, key, label, onProgress: progress })
  }
  return findTemplate({ key, label, onProgress, signal, build })
}

async function cloneTemplate(template: Template, start: Start): Promise<Started> {
  const { spec, accel, image, network, phases, signal } = start
  const { hostname, address } = spec
  return acquire(async (disposers) => {
    const attachment = await phases.run('tap', () => start.place)
    const { macAddress, credentials, identity, seed } = await cloneIdentityOf(template, start, disposers)
    const dhcp = spec.addressing === 'dhcp' ? network.dhcp : undefined
    if (dhcp) disposers.use(await dhcp.reserve({ hostname, address, macAddress }))
    // One that is to become another may only be heard when it is.
    const free = requireUnanswered(network, address, signal)
    free.catch(() => {})
    const further = (await Promise.all(start.further)).map((each, index) => ({
      ...each,
      macAddress: template.cards[index + 1]?.macAddress ?? '',
    }))
    const join = () => free.then(() => attachment.join(signal))
    const joining = identity ? undefined : join()
    joining?.catch(() => {})
    const hardware = hardwareOf(spec, accel, image, [{ attachment, macAddress }, ...further])
    const machine = disposers.use(
      await phases.run('restore', () =>
        thaw(template, { ...hardware, image: image.disk, seed }, { network, signal }).catch(async (error: unknown) => {
          throw await explainBusyTap(error, network, attachment)
        }),
      ),
    )
    await Promise.all(further.map((each) => each.attachment.join(signal)))
    start.onConsole(machine.console)
    const agent = new ResumeAgentPort(machine.agentPort)
    const budget = THAW_BUDGET * budgetFactor(accel)
    const client = await withinBudget({ machine, phases, budget, grace: budget, signal }, async (boot, answered) => {
      const dial = (port: number, dialSignal: AbortSignal) => network.dial(address, port, dialSignal)
      agent.reseed()
      if (identity) {
        const patience = BECOMING_BUDGET * budgetFactor(accel)
        await phases.run('identity', () => agent.applyIdentity(identity, patience, boot))
      }
      await phases.run('bridge', async () => joining ?? join())
      let waking: Promise<void> | undefined
      // Not sooner, for systemd looks at all of its timers then, while sshd starts.
      const onBanner = () => {
        answered()
        waking = agent.setClock(boot)
        waking.catch(() => {})
      }
      const ssh = await openSsh(dial, rootLogin(credentials), boot, phases, onBanner)
      disposers.defer(() => ssh.destroy())
      if (dhcp) await phases.run('lease', () => renewLease(dhcp, template, ssh, boot))
      await phases.run('clock and entropy', async () => {
        await waking
        // Only now, so that systemd has had the time of a login to take the jump.
        await agent.settle(boot)
      })
      return ssh
    }).catch(async (error: unknown) => {
      throw await explainSilence(error, network, { hostname, address, macAddress })
    })
    start.disposers.defer(() => disposers[Symbol.asyncDispose]())
    const { warnings } = template
    const places = [{ network, attachment, macAddress }, ...further]
    const names = template.cards.map((card) => card.name)
    const interfaces = interfacesOf(places, names)
    const hosts = identity?.hosts
    return { machine, client, warnings, start: 'warm', agent, credentials, macAddress, interfaces, hosts }
  })
}

/** Another dnsmasq gave the template's lease, so a clone asks this one for it. Without systemd-networkd it asks at half of its lease. */
async function renewLease(dhcp: Dhcp, { cards: [card] }: Template, client: Client, signal: AbortSignal): Promise<void> {
  if (!card) return
  const renew = `networkctl renew ${quote(card.name)}`
  const { exitCode } = await exec(client, renew, { reject: false, cancelSignal: signal })
  if (exitCode === 0) await dhcp.lease(card.macAddress, signal)
}

function warnOfUnfreezable({ hostname }: GuestSpec, { unfreezable }: Unfreezable): undefined {
  warnOnce(`${unfreezable}. Guest ${hostname} therefore boots every time; set start: 'cold' to avoid this warning`)
}

function warnOfUnchangeable({ hostname }: GuestSpec, { label, unchangeable }: Template): undefined {
  warnOnce(
    `A clone of the template ${label} cannot change its name or address: ${unchangeable}. ` +
      `Guest ${hostname} therefore gets its own template, which is booted once\n` +
      HINT,
  )
}

function warnOfFailedIdentity({ hostname }: GuestSpec, { label }: Template, { lastSeen }: IdentityError): undefined {
  warnOnce(
    `A clone of the template ${label} could not take the identity of guest ${hostname}: ${lastSeen}. It boots instead\n` +
      HINT,
  )
}

const HINT =
  "Let systemd-networkd, netplan, NetworkManager or ifupdown manage the card, as cloud-init sets it up, or set start: 'cold' to boot every time without this warning."
