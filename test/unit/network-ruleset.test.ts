import { expect, test } from 'vitest'
import { type Packet, type Ruleset, whoDrops } from '../../src/network/diagnosis/ruleset.ts'

const PACKET: Packet = {
  hook: 'input',
  families: ['ip', 'inet'],
  facts: { 'meta iifname': 'br0', 'ip saddr': '192.168.100.77', 'ct state': 'established', 'tcp sport': '22' },
}

/** As `nft --json` shows a table with one base chain, and one to jump to. */
function ruleset(policy: string, rules: object[][], other: object[][] = [], family = 'inet'): Ruleset {
  const table = { family, table: 't' }
  const rule = (chain: string) => (expr: object[]) => ({
    rule: { ...table, chain, expr: expr as Record<string, unknown>[] },
  })
  return {
    nftables: [
      { chain: { ...table, name: 'in', hook: 'input', policy } },
      { chain: { ...table, name: 'other' } },
      ...rules.map(rule('in')),
      ...other.map(rule('other')),
    ],
  }
}

const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } })
const meta = (key: string) => ({ meta: { key } })
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } })
const [accept, drop] = [{ accept: null }, { drop: null }]
const jump = { jump: { target: 'other' } }
const unknown = match(meta('mark'), 7)

test.for([
  ['nothing but a policy', ruleset('drop', []), true],
  ['a policy that accepts', ruleset('accept', []), false],
  ['a table that does not see it', ruleset('drop', [], [], 'ip6'), false],
  ['a rule for another interface', ruleset('accept', [[match(meta('iifname'), 'eth0'), drop]]), false],
  ['a rule for all but another interface', ruleset('accept', [[match(meta('iifname'), 'eth0', '!='), drop]]), true],
  ['a rule for interfaces by their beginning', ruleset('accept', [[match(meta('iifname'), 'br*'), drop]]), true],
  ['a port in a range', ruleset('accept', [[match(payload('tcp', 'sport'), { range: [1, 99] }), drop]]), true],
  ['a port not in a set', ruleset('accept', [[match(payload('tcp', 'sport'), { set: [23, 80] }), drop]]), false],
  [
    'an address in a set of prefixes',
    ruleset('accept', [[match(payload('ip', 'saddr'), { set: [{ prefix: { addr: '192.168.0.0', len: 16 } }] }), drop]]),
    true,
  ],
  [
    'a state among others',
    ruleset('drop', [[match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), accept]]),
    false,
  ],
  ['a rule that may accept before it is dropped', ruleset('drop', [[unknown, accept]]), false],
  ['a rule that may drop', ruleset('accept', [[unknown, drop]]), false],
  [
    'a match of iptables that nft cannot show',
    ruleset('accept', [[{ xt: { type: 'match', name: 'recent' } }, drop]]),
    false,
  ],
  ['a set that has a name', ruleset('accept', [[match(payload('ip', 'saddr'), '@blocked'), drop]]), false],
  ['a map of verdicts', ruleset('drop', [[{ vmap: { key: meta('iifname'), data: '@map' } }]]), false],
  ['a jump to a chain that drops', ruleset('accept', [[{ counter: {} }, jump]], [[{ log: null }, drop]]), true],
  [
    'a jump to a chain that returns',
    ruleset('accept', [[jump], [{ reject: {} }]], [[{ return: null }], [accept]]),
    true,
  ],
  ['a jump to a chain that may accept', ruleset('drop', [[jump]], [[unknown, accept]]), false],
  ['a chain that jumps to itself', ruleset('drop', [[jump]], [[jump]]), false],
] as const)('%s', ([, rules, isDropped]) => {
  expect(whoDrops(rules, PACKET)).toBe(isDropped ? 'chain in of table inet t' : undefined)
})
