import { GuestError } from '../../errors.ts'
import { badOption } from '../../errors/bad-option.ts'
import { refuseUnknown, requireOptions } from '../../options/check.ts'
import { resolveGuest, type MachineOptions } from '../../options/guest-options.ts'
import { parseImage, type ImageOption } from '../../options/image.ts'
import { LAYER_HINT, makeLayer, requireFrom, type Layer } from '../../options/layer.ts'
import { egressOf, type EgressOptions } from '../../options/network/egress.ts'
import { resolveNetwork } from '../../options/network/network-options.ts'
import type { Guest } from '../guest.ts'
import { callSite } from './call-text.ts'

/** The machine that a layer is prepared on, and what decides whether it has to be prepared again. */
export interface LayerOptions extends Pick<
  MachineOptions,
  'memory' | 'cpus' | 'rootPassword' | 'cloudConfig' | 'cloudInitErrors' | 'kernelParameters' | 'nic' | 'timeouts'
> {
  /** An image, or another layer. Options of the machine that are omitted here are those of that layer. */
  from: ImageOption
  /**
   * Files, folders, or patterns (`dist/*.deb`) whose content the function uses: when it changes, the layer is prepared again.
   * Relative to the working folder, as the paths of `guest.upload()` are.
   * @default []
   */
  inputs?: readonly string[]
  /**
   * Egress while the function runs, as the option of a network gives it; guests of the layer do not have it. Lasts until the guest
   * reboots. Needs a private network.
   * @default false
   */
  egress?: boolean | EgressOptions
  /** Raise it to have the layer prepared again for a reason that its text and its inputs do not tell. @default '' */
  version?: string | number
  /** For messages and `vitest-guest template ls`. @default where it is defined, such as `guests/app.ts:3` */
  name?: string
  /** What the function may take, in milliseconds with KVM; ten times as long under emulation. @default 600_000 */
  timeout?: number
}

const MACHINE = [
  'memory', 'cpus', 'rootPassword', 'cloudConfig', 'cloudInitErrors', 'kernelParameters', 'nic', 'timeouts',
] as const satisfies readonly (keyof LayerOptions)[] // prettier-ignore
const OPTIONS = [...MACHINE, 'from', 'inputs', 'egress', 'version', 'name', 'timeout'] as const
const DEFAULT_TIMEOUT = 600_000
const LONGEST_NAME = 100

/**
 * A machine that is prepared once: a clone of `from`, on which `prepare` has run, and which was then frozen as it was, RAM and disk, with
 * all that it runs. Use it wherever an image is; its guests are clones that take no longer to start than others.
 *
 *     export const app = layer({ from: 'debian-12', inputs: ['dist/app.deb'] }, async (guest) => {
 *       await guest.upload('dist/app.deb', '/root/app.deb')
 *       await guest.$`dpkg -i /root/app.deb`
 *     })
 *
 * It is prepared when it is first needed, by one process on this host while the others wait, and again when `from`, an option, the content
 * of an input, or the text of this call changes. What the text does not show, such as a function that it calls, or the value of a variable
 * outside of it, belongs into `inputs` or `version`.
 *
 * @throws GuestError for a bad option. Errors of `prepare` come from whoever starts a guest, as a BootError whose cause they are.
 */
export function layer(options: LayerOptions, prepare: (guest: Guest) => unknown): Layer {
  const site = callSite()
  const read = refuseUnknown(requireOptions(options, 'layer()'), OPTIONS)
  const { from, inputs = [], egress = false, version = '', timeout = DEFAULT_TIMEOUT, name, ...machine } = read
  requireFrom(from)
  if (typeof (prepare as unknown) !== 'function') throw badOption('prepare', 'a function', prepare, LAYER_HINT)
  const { subnet, gateway } = resolveNetwork()
  egressOf(egress, subnet, gateway)
  if (typeof version !== 'string' && typeof version !== 'number') {
    throw badOption('version', 'a string or a number', version, 'Write version: 2.')
  }
  if (typeof timeout !== 'number' || !(timeout > 0)) {
    throw badOption('timeout', 'a positive number of milliseconds', timeout, 'Write timeout: 1_200_000.')
  }
  const image = makeLayer({
    name: nameOf(name) ?? site?.place ?? 'layer',
    from: below(from),
    machine: Object.fromEntries(Object.entries(machine).filter(([, value]) => (value as unknown) !== undefined)),
    egress,
    timeout,
    text: JSON.stringify([site?.text ?? prepare.toString(), version]),
    inputs: listOf(inputs),
    folder: process.cwd(),
    prepare,
  })
  // Their errors belong here, not to the first guest.
  resolveGuest({ image }, resolveNetwork())
  return image
}

/** @throws GuestError for what is neither an image nor a layer */
function below(from: unknown) {
  try {
    return parseImage(from)
  } catch (error) {
    if (!(error instanceof GuestError)) throw error
    throw new GuestError(`Option \`from\` of layer() is neither an image nor a layer: ${error.message}`, {
      option: 'from',
      cause: error,
    })
  }
}

function listOf(inputs: unknown): readonly string[] {
  const isList = Array.isArray(inputs) && inputs.every((each) => typeof each === 'string' && each !== '')
  if (!isList) throw badOption('inputs', 'an array of paths', inputs, "Write inputs: ['dist/app.deb'].")
  return [...(inputs as string[])]
}

function nameOf(name: unknown): string | undefined {
  if (name === undefined) return undefined
  if (typeof name === 'string' && name.length > 0 && name.length <= LONGEST_NAME && !/[\n\r]/.test(name)) return name
  throw badOption('name', `a line of 1 to ${LONGEST_NAME} characters`, name, "Write name: 'app'.")
}
