import { existsSync } from 'node:fs'
import { BootError, NetworkError, SshError } from '../../errors.ts'
import { warnOnce } from '../../host/warn-once.ts'
import type { Network } from '../../network/network.ts'
import type { GuestSpec } from '../../options/guest-options.ts'
import { discardTemplate, type Unfreezable } from '../../template/find-template.ts'
import { IdentityError } from '../../template/identity/identity.ts'
import type { Template } from '../../template/store.ts'
import { templateFault } from '../../template/thaw.ts'
import type { Start } from './boot-machine.ts'
import { cloneTemplate } from './clone-template.ts'
import type { Started } from './started.ts'
import type { ChainedTemplate } from './chained-template.ts'
import { templateFor, UNCHANGEABLE_HINT } from './template-for.ts'

/** Clones a guest from its template, which is built if there is none, and rebuilt once if broken. Undefined when it cannot be frozen. */
export async function startWarm(start: Start): Promise<Started | undefined> {
  // In the host's own namespace the networks that a template is built on would exist twice.
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
    // Only these are caused by the machine: a full disk or an error in the caller's listener would affect the next template too.
    if (!(error instanceof BootError || error instanceof SshError)) throw error
    const broken = await brokenOne(template, error)
    if (!broken) throw error
    warnOnce(`A template could not be restored and is being rebuilt: ${broken.fault}`)
    await discardTemplate(broken.template)
    template = await find()
    if ('unfreezable' in template) return warnOfUnfreezable(spec, template)
    return await cloneTemplate(template, start)
  }
}

/** The template that is to blame for a clone that did not start: itself, or one whose disk it stands on. */
async function brokenOne(template: ChainedTemplate, error: unknown) {
  for (let each: ChainedTemplate | undefined = template; each; each = each.below) {
    const fault = await templateFault(each, each === template ? error : undefined)
    if (fault !== undefined) return { template: each, fault }
  }
  return undefined
}

/** A closed network takes the machine with it; its folder is removed first. @throws NetworkError */
async function requireOpen({ ready, stateFolder }: Network, hostname: string, cause: unknown): Promise<void> {
  await ready.catch(() => {})
  if (existsSync(stateFolder)) return
  throw new NetworkError(`The network was closed while guest ${hostname} was starting`, {
    cause,
    hint: 'Await the start before disposing of the network, or abort it with its signal.',
  })
}

function warnOfUnfreezable({ hostname }: GuestSpec, { unfreezable }: Unfreezable): undefined {
  warnOnce(`${unfreezable}. Guest ${hostname} therefore boots every time; set start: 'cold' to avoid this warning`)
}

function warnOfFailedIdentity({ hostname }: GuestSpec, { label }: Template, { lastSeen }: IdentityError): undefined {
  warnOnce(
    `A clone of the template ${label} could not take the identity of guest ${hostname}: ${lastSeen}. It boots instead\n` +
      UNCHANGEABLE_HINT,
  )
}
