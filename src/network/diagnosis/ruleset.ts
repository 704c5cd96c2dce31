import { BlockList, isIP } from 'node:net'

/** A statement of a rule, as `nft --json` has it: an object with one key. */
type Statement = Readonly<Record<string, unknown>>

interface Named {
  readonly family: string
  readonly table: string
}
interface Chain extends Named {
  readonly name: string
  /** Only base chains have a hook. */
  readonly hook?: string
  readonly policy?: string
}
interface Rule extends Named {
  readonly chain: string
  readonly expr: readonly Statement[]
}

/** The part of `nft --json list ruleset` that is needed here. */
export interface Ruleset {
  readonly nftables: readonly { readonly chain?: Chain; readonly rule?: Rule }[]
}

/** What is known about a packet, by nft's names: `meta iifname`, `ct state`, `ip saddr`, `tcp dport`, … */
export interface Packet {
  readonly hook: 'input' | 'output' | 'forward'
  /** Those of the tables that see it. */
  readonly families: readonly string[]
  readonly facts: Readonly<Record<string, string>>
}

type Verdict = 'accept' | 'drop' | 'return' | 'unknown'

/** Statements that decide nothing. */
const HARMLESS = new Set(['counter', 'log', 'comment', 'mangle', 'notrack'])
/** Deeper than nftables allows (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16

/** The chain that certainly drops a packet, as `chain input of table inet filter`; undefined when none certainly does. */
export function whoDrops({ nftables }: Ruleset, { hook, families, facts }: Packet): string | undefined {
  const chains = nftables.flatMap(({ chain }) => (chain ? [chain] : []))
  const rules = nftables.flatMap(({ rule }) => (rule ? [rule] : []))

  const walk = ({ family, table }: Named, name: string, depth = 0): Verdict => {
    if (depth > DEEPEST) return 'unknown'
    for (const { expr } of rules.filter((each) => isOf(each, { family, table }) && each.chain === name)) {
      const verdict = decide(expr, facts, (target) => walk({ family, table }, target, depth + 1))
      if (verdict !== undefined) return verdict
    }
    return 'return'
  }

  const dropping = chains
    .filter((chain) => chain.hook === hook && families.includes(chain.family))
    .find((chain) => {
      const verdict = walk(chain, chain.name)
      return verdict === 'drop' || (verdict === 'return' && chain.policy === 'drop')
    })
  return dropping && `chain ${dropping.name} of table ${dropping.family} ${dropping.table}`
}

/** The verdict of one rule; undefined when the next rule decides. */
function decide(
  expr: readonly Statement[],
  facts: Packet['facts'],
  jump: (target: string) => Verdict,
): Verdict | undefined {
  let isSure = true
  for (const statement of expr) {
    const [[key = '', value] = []] = Object.entries(statement)
    if (key === 'match') {
      const matches = isMatch(value as Match, facts)
      if (matches === false) return undefined
      if (matches === undefined) isSure = false
    } else if (key === 'accept' || key === 'drop' || key === 'reject' || key === 'return') {
      const verdict = key === 'reject' ? 'drop' : key
      if (isSure) return verdict
      // If not here, a later rule may still decide.
      return verdict === 'drop' ? undefined : 'unknown'
    } else if (key === 'jump' || key === 'goto') {
      const verdict = jump((value as { target: string }).target)
      if (verdict === 'accept' || verdict === 'unknown') return isSure ? verdict : 'unknown'
      if (isSure && (verdict === 'drop' || key === 'goto')) return verdict
    } else if (!HARMLESS.has(key)) {
      // A verdict map, a limit or an iptables match: its outcome is unknown here.
      if (key === 'vmap' || key === 'queue') return 'unknown'
      isSure = false
    }
  }
  return undefined
}

interface Match {
  readonly op: string
  readonly left: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly right: unknown
}

/** Undefined when it is unknown. */
function isMatch({ op, left, right }: Match, facts: Packet['facts']): boolean | undefined {
  const [[kind = '', { key = '', protocol = '', field = '' } = {}] = []] = Object.entries(left)
  const fact = facts[kind === 'payload' ? `${protocol} ${field}` : `${kind} ${key}`]
  if (fact === undefined || !['==', '!=', 'in'].includes(op)) return undefined
  const isIn = isAmong(fact, right)
  return isIn === undefined ? undefined : isIn === (op !== '!=')
}

function isAmong(fact: string, right: unknown): boolean | undefined {
  if (Array.isArray(right)) {
    const answers = right.map((each) => isAmong(fact, each))
    return answers.includes(true) ? true : answers.includes(undefined) ? undefined : false
  }
  if (typeof right === 'string' || typeof right === 'number') {
    const text = `${right}`
    // A named set.
    if (text.startsWith('@')) return undefined
    return text.endsWith('*') ? fact.startsWith(text.slice(0, -1)) : fact === text
  }
  const { set, prefix, range } = right as { set?: unknown; prefix?: { addr: string; len: number }; range?: unknown[] }
  if (set !== undefined) return isAmong(fact, set)
  if (prefix && isIP(fact) === 4 && isIP(prefix.addr) === 4) {
    const subnet = new BlockList()
    subnet.addSubnet(prefix.addr, prefix.len)
    return subnet.check(fact)
  }
  const [least, most] = range?.map(Number) ?? []
  if (least === undefined || most === undefined || Number.isNaN(least) || Number.isNaN(Number(fact))) return undefined
  return least <= Number(fact) && Number(fact) <= most
}

function isOf(one: Named, other: Named): boolean {
  return one.family === other.family && one.table === other.table
}
