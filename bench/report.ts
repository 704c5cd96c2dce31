import type { Endurance } from './endurance.ts'
import type { Files } from './files.ts'
import type { Fresh } from './fresh.ts'
import type { Memory } from './memory.ts'
import { median } from './median.ts'
import type { SetUps } from './set-ups.ts'
import type { Starts } from './starts.ts'
import type { Traffic } from './traffic.ts'

/** Everything that was measured, as docs/bench.json keeps it. */
export interface Results {
  accel: 'kvm' | 'tcg'
  cpus: number
  qemu: string
  measuredAt: string
  starts?: Starts
  fresh?: Fresh
  memory?: Memory
  endurance?: Endurance
  files?: Files
  traffic?: Traffic
  networks?: SetUps
}

/** Medians and ratios, for people. */
export function table({ cpus, starts, fresh, memory, endurance, files, traffic, networks }: Results): string {
  const lines: string[] = []
  const line = (what: string, value: string, more = '') =>
    lines.push(`${what.padEnd(44)}${value.padStart(11)}   ${more}`.trimEnd())
  if (starts) {
    const { byHand, cold, build, warm, floor, network, close } = starts
    const hand = median(byHand)
    lines.push(`Starts, medians (${byHand.length} boots of a kind, ${warm.length} clones)`)
    line('  by hand, to ssh root@guest true', seconds(hand))
    line('  cold, to a connected client', seconds(median(cold)), `${(median(cold) / hand).toFixed(2)} x by hand`)
    line('  template build', seconds(median(build)))
    line('  floor: QEMU, restore, ssh2, no library', seconds(median(floor)))
    line(
      '  warm, to a connected client',
      seconds(median(warm)),
      `${ratio(warm, floor)} x floor; by hand is ${(hand / median(warm)).toFixed(1)} x warm`,
    )
    line('  keeper, bridge and TAP', milliseconds(median(network)))
    line('  close', milliseconds(median(close)))
    for (const [name, ms] of Object.entries(starts.warmPhases)) line(`    warm: ${name}`, milliseconds(ms))
  }
  if (fresh) {
    lines.push(`A fresh guest per test, median wait (${fresh.on.length} tests with, ${fresh.off.length} without)`)
    line('  with standby', milliseconds(median(fresh.on)))
    line('  without', milliseconds(median(fresh.off)), `${ratio(fresh.off, fresh.floor)} x floor`)
  }
  if (memory) {
    lines.push('Memory of guests of 512 MiB')
    line('  a booted guest, RSS', mib(memory.coldRss))
    line('  a further clone, PSS', mib(median(memory.clonePss.slice(1))))
    for (const { guests, pssMib, lastMs, idleCpu } of memory.byCount) {
      line(
        `  ${guests} at once`,
        mib(pssMib),
        `${mib(pssMib / guests)} each; the last took ${seconds(lastMs)}; idle ${(idleCpu * 100).toFixed(0)} % of a CPU`,
      )
    }
    line('  all answer a command, asked at once', seconds(memory.answeredMs))
  }
  if (endurance) {
    const { clones, failed, before, after } = endurance
    lines.push(`${clones} clones in a row: ${failed} failed`)
    const grown = (name: keyof typeof after) => `${before[name].toFixed(0)} -> ${after[name].toFixed(0)}`
    line('  descriptors', grown('descriptors'))
    line('  child processes', grown('children'))
    line('  our heap, and all of our memory, MiB', `${grown('heapMib')}, ${grown('rssMib')}`)
    line('  cache, MiB', grown('cacheMib'))
  }
  if (files) {
    lines.push(`Files, medians (${files.largeUp.ours.length} rounds, in turns with OpenSSH's scp -r)`)
    const names = {
      largeUp: 'upload of 200 MB',
      largeDown: 'download of 200 MB',
      smallUp: 'upload of 5,000 files',
      smallDown: 'download of 5,000 files',
    } as const
    for (const key of ['largeUp', 'largeDown', 'smallUp', 'smallDown'] as const) {
      const { ours, scp } = files[key]
      line(`  ${names[key]}`, seconds(median(ours)), `scp ${seconds(median(scp))}; ours is ${ratio(ours, scp)} x scp`)
    }
  }
  if (traffic) {
    const { byHand, ours } = traffic
    lines.push(`Two guests on a bridge, medians (${ours.ping.length} turns of each pair)`)
    line(
      '  TCP from one to the other',
      mbits(median(ours.throughput)),
      `by hand ${mbits(median(byHand.throughput))}; ours is ${ratio(ours.throughput, byHand.throughput)} x by hand`,
    )
    line(
      '  ping',
      `${median(ours.ping).toFixed(2)} ms`,
      `by hand ${median(byHand.ping).toFixed(2)} ms; by hand is ${ratio(byHand.ping, ours.ping)} x ours`,
    )
  }
  if (networks) {
    const { atOnce, further } = networks
    lines.push(`Private networks with a TAP, opened and disposed by workers at the same time (${cpus} cores)`)
    for (const { workers, setUp, elapsed } of atOnce) {
      line(
        `  ${workers} ${workers === 1 ? 'worker' : 'workers'}, set-up of one`,
        milliseconds(median(setUp)),
        `all of them: one every ${milliseconds(elapsed / setUp.length)}`,
      )
    }
    lines.push('One more such network, while so many workers have theirs')
    for (const [others, times] of further.entries()) line(`  ${others}`, milliseconds(median(times)))
  }
  return lines.join('\n')
}

/** Of two that took turns. What disturbs the machine disturbs both of a turn, so it is the median of the turns'. */
function ratio(ours: readonly number[], others: readonly number[]): string {
  return median(ours.map((each, turn) => each / (others[turn] ?? Number.NaN))).toFixed(2)
}

function mbits(bits: number): string {
  return `${(bits / 1e6).toFixed(0)} Mbit/s`
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`
}

function mib(value: number): string {
  return `${value.toFixed(0)} MiB`
}
