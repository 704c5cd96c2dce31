import { BootError } from '../errors.ts'
import { budgetFactor } from '../host/accelerator.ts'
import { qemuVersion } from '../host/qemu-version.ts'
import { acquire, type Disposers } from '../lifetime/disposers.ts'
import type { Attachment } from '../network/network.ts'
import { discardTemplate, findTemplate, type Unfreezable } from '../template/find-template.ts'
import { templateKey, type NetworkFacts } from '../template/key.ts'
import type { Template } from '../template/store.ts'
import { thaw } from '../template/thaw.ts'
import { WakePort } from '../template/waker.ts'
import { rootLogin, withinBudget } from './boot-machine.ts'
import { buildTemplate } from './build-template.ts'
import { openSsh } from './open-ssh.ts'
import type { Start, Started } from './start-cold.ts'
import { warnOnce } from './warn-once.ts'

/** With KVM, in milliseconds: from starting QEMU to a clone that is ready. */
const THAW_BUDGET = 10_000
const WAKING = 'clock and entropy'

/**
 * Clones a guest from its template, which is built if the cache has none. A template that cannot be restored is built
 * anew, once.
 * @returns undefined when a machine like this cannot be frozen
 */
export async function startWarm(start: Start): Promise<Started | undefined> {
  const { spec, network, phases, signal, disposers } = start
  const place = disposers.useSoon(network.attach(spec, signal))
  const find = () => phases.run('template', () => templateFor(start))
  let template = await find()
  if ('unfreezable' in template) return bootInstead(start, template, await place)
  const attachment = await phases.run('tap', () => place)
  try {
    return await cloneTemplate(template, attachment, start)
  } catch (error) {
    signal?.throwIfAborted()
    // A clock that cannot be set in time, or a unit that fails when it is, would be the same with another template.
    if (error instanceof BootError && error.phase === WAKING) throw error
    warnOnce(`A template could not be restored and is built anew: ${(error as Error).message}`)
    await discardTemplate(template)
    template = await find()
    if ('unfreezable' in template) return bootInstead(start, template, await place)
    return await cloneTemplate(template, attachment, start)
  }
}

async function bootInstead({ spec }: Start, { unfreezable }: Unfreezable, place: Attachment): Promise<undefined> {
  warnOnce(`${unfreezable}; so guest ${spec.hostname} boots each time (start: 'cold' says so without this warning)`)
  await place[Symbol.asyncDispose]()
}

/** What decides which template it is. */
export interface TemplateWish extends Pick<Start, 'spec' | 'accel' | 'image' | 'onProgress' | 'onConsole' | 'signal'> {
  readonly network: NetworkFacts
}

/** The template for guests like this, built if there is none. */
export async function templateFor({
  spec,
  accel,
  image,
  network,
  onProgress,
  onConsole,
  signal,
}: TemplateWish): Promise<Template | Unfreezable> {
  const key = templateKey({
    spec,
    network,
    accel,
    imageDigest: image.digest,
    direct: image.direct,
    qemuVersion: await qemuVersion(signal),
  })
  const label = `${image.label}, ${spec.memoryMib} MiB, ${spec.hostname}`
  return findTemplate({
    key,
    label,
    onProgress,
    signal,
    build: (folder, tell) => {
      const progress = (line: string) => {
        onProgress(line)
        // Who waits is told the label anyway.
        tell(line.replace(`template ${label}: `, ''))
      }
      return buildTemplate(folder, { key, label, spec, network, accel, image, onProgress: progress, onConsole, signal })
    },
  })
}

async function cloneTemplate(template: Template, { netdev }: Attachment, start: Start): Promise<Started> {
  const { spec, accel, image, network, phases, signal } = start
  return acquire(async (disposers: Disposers) => {
    const machine = disposers.use(
      await phases.run('restore', () =>
        thaw(
          template,
          {
            name: spec.hostname,
            accel,
            memoryMib: spec.memoryMib,
            cpus: spec.cpus,
            direct: image.direct,
            nics: [{ model: spec.nic, netdev }],
          },
          { inside: (command) => network.inside(command), signal },
        ),
      ),
    )
    start.onConsole(machine.console)
    const wake = new WakePort(machine.wakePort)
    const budget = THAW_BUDGET * budgetFactor(accel)
    const client = await withinBudget({ machine, phases, budget, grace: budget, signal }, async (boot, answered) => {
      const dial = (port: number, dialSignal: AbortSignal) => network.dial(spec.address, port, dialSignal)
      const waking = wake.setClock(boot)
      waking.catch(() => {})
      const ssh = await openSsh(
        dial,
        rootLogin(template.credentials),
        boot,
        (name, work) => phases.run(name, work),
        answered,
      )
      disposers.defer(() => ssh.destroy())
      await phases.run(WAKING, async () => {
        await waking
        // Only now, so that systemd has had the time of a login to take the jump.
        await wake.settle(boot)
      })
      return ssh
    })
    start.disposers.defer(() => disposers[Symbol.asyncDispose]())
    const { warnings, credentials, macAddresses } = template
    return { machine, client, warnings, start: 'warm', wake, credentials, macAddress: macAddresses[0] as string }
  })
}
