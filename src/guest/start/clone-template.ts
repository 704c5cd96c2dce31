import type { Client } from 'ssh2'
import { budgetFactor } from '../../accelerator/accelerator.ts'
import { acquire } from '../../lifetime/disposers.ts'
import type { Dhcp } from '../../network/services/dnsmasq.ts'
import { explainBusyTap } from '../../network/diagnosis/tap-in-use.ts'
import { exec } from '../../ssh/command/exec.ts'
import { quote } from '../../ssh/quote.ts'
import { ResumeAgentPort } from '../../template/identity/resume-agent.ts'
import { thaw, type CloneConfig } from '../../template/thaw.ts'
import { openSsh } from '../connection/open-ssh.ts'
import { explainSilence, requireUnanswered } from '../network/address-conflict.ts'
import { interfacesOf } from '../network/further-cards.ts'
import { hardwareOf, rootLogin, withinBudget, type Start } from './boot-machine.ts'
import { cloneIdentityOf } from './clone-identity.ts'
import type { Started } from './started.ts'
import type { ChainedTemplate } from './chained-template.ts'

/** Milliseconds with KVM from starting QEMU to a ready clone. */
const THAW_BUDGET = 10_000
/** Milliseconds with KVM for a clone's network to get another address. */
const BECOMING_BUDGET = 3_000

/** Starts a machine where the template's was stopped, until it is ready. @param into files to write its RAM and its disk to, if they are to stay */
export async function cloneTemplate(
  template: ChainedTemplate,
  start: Start,
  into?: CloneConfig['into'],
): Promise<Started> {
  const { spec, accel, image, network, phases, signal } = start
  const { backing } = template
  const { hostname, address } = spec
  return acquire(async (disposers) => {
    const attachment = await phases.run('tap', () => start.place)
    const { macAddress, credentials, identity, seed } = await cloneIdentityOf(template, start, disposers)
    const dhcp = spec.addressing === 'dhcp' ? network.dhcp : undefined
    if (dhcp) disposers.use(await dhcp.reserve({ hostname, address, macAddress }))
    // A clone that becomes another guest must not be heard before that.
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
        thaw(template, { ...hardware, backing, into, seed }, { network, signal }).catch(async (error: unknown) => {
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
      // Not earlier: systemd checks all its timers then, while sshd starts.
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
        // Only now, so that systemd has had the time of a login to process the jump.
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

/** The template's lease came from another dnsmasq, so a clone requests it again. Without systemd-networkd it does so at half of its lease. */
async function renewLease(
  dhcp: Dhcp,
  { cards: [card] }: ChainedTemplate,
  client: Client,
  signal: AbortSignal,
): Promise<void> {
  if (!card) return
  const renew = `networkctl renew ${quote(card.name)}`
  const { exitCode } = await exec(client, renew, { reject: false, cancelSignal: signal })
  if (exitCode === 0) await dhcp.lease(card.macAddress, signal)
}
