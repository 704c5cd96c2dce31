/** A set-up file of the demo: shows the guest that the suite runs in. */
import { describeNetwork, test } from 'vitest-guest'

const BUDGET = 30 * 60_000

test.beforeAll(async ({ guest, network }) => {
  const { stdout: kernel } = await guest.$`uname -a`
  const { stdout: addresses } = await guest.$`ip -brief address show`
  const phases = guest.phases.map(
    ({ name, durationMs }) => `  ${name.padEnd(20)} ${(durationMs / 1000).toFixed(2).padStart(7)} s`,
  )
  const total = guest.phases.reduce((sum, { durationMs }) => sum + durationMs, 0)
  print(
    `\n${guest.started === 'warm' ? 'Clone' : 'Boot'} of ${guest.image} on ${guest.accel === 'kvm' ? 'KVM' : 'emulation (TCG)'}`,
    ...phases,
    `  ${'total'.padEnd(20)} ${(total / 1000).toFixed(2).padStart(7)} s`,
    '\nTopology',
    `  (a ${network.kind} network)`,
    (await describeNetwork(network)).trimEnd().replaceAll(/^/gm, '  '),
    '\nIn the guest',
    `  $ uname -a\n  ${kernel}`,
    `  $ ip -brief address show\n  ${addresses.replaceAll('\n', '\n  ')}`,
    '',
  )
}, BUDGET)

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}
