import type { Capabilities } from './capabilities.ts'
import type { Capability } from './capability.ts'

const COLOUR = { ok: 32, degraded: 33, missing: 31 } as const
const STATE_WIDTH = 'degraded'.length

/** The table: one line for each check, and below a failed one, what that means and the command that fixes it. */
export function renderDoctor(capabilities: Capabilities, colours: boolean): string {
  const { items } = capabilities
  const nameWidth = Math.max(...items.map(({ name }) => name.length))
  const foundWidth = Math.max(0, ...items.filter(isWell).map(({ found }) => found.length))
  const indent = ' '.repeat(STATE_WIDTH + nameWidth + 4)
  const rows = items.flatMap((item) => {
    const { state, name, found, means, fix } = item
    const start = `${paint(state.padEnd(STATE_WIDTH), COLOUR[state], colours)}  ${name.padEnd(nameWidth)}  `
    if (isWell(item)) return [`${start}${found.padEnd(foundWidth)}  ${means}`]
    return [`${start}${found}`, `${indent}means: ${means}`, ...(fix === undefined ? [] : [`${indent}fix:   ${fix}`])]
  })
  return `${[...rows, '', ...verdict(capabilities, colours)].join('\n')}\n`
}

function isWell({ state }: Capability): boolean {
  return state === 'ok'
}

function verdict({ canBoot, accelerator, network, items, install }: Capabilities, colours: boolean): string[] {
  const names = (wanted: Capability['state']) =>
    items.filter(({ state }) => state === wanted).map(({ name }) => name).join(', ') // prettier-ignore
  const how = accelerator === 'kvm' ? 'with KVM' : 'emulated'
  const where = network === undefined || network === 'private' ? '' : `, on a network of kind ${network}`
  const rest = names('degraded') === '' ? '' : ` Degraded: ${names('degraded')}.`
  const line = canBoot
    ? paint(`A guest can boot here, ${how}${where}.${rest}`, COLOUR.ok, colours)
    : paint(`No guest can boot here. Missing: ${names('missing')}.`, COLOUR.missing, colours)
  return install === undefined ? [line] : [line, `All missing packages: ${install}`]
}

function paint(text: string, colour: number, colours: boolean): string {
  return colours ? `\u001b[${colour}m${text}\u001b[0m` : text
}
