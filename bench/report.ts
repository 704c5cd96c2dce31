import type { Endurance, Use } from './endurance.ts'
import type { Files } from './files.ts'
import type { Fresh } from './fresh.ts'
import type { Images } from './images.ts'
import type { Layers } from './layers.ts'
import { when, type Measurement } from './measurement.ts'
import type { Memory } from './memory.ts'
import { median } from './median.ts'
import type { SetUps } from './set-ups.ts'
import type { Starts } from './starts.ts'
import type { Traffic } from './traffic.ts'

/** What can be measured separately. */
export interface Parts {
  starts: Starts
  fresh: Fresh
  memory: Memory
  endurance: Endurance
  files: Files
  traffic: Traffic
  networks: SetUps
  images: Images
  layers: Layers
}

/** Everything in docs/bench.json: each part from the run that measured it last. */
export type Results = { accel: 'kvm' | 'tcg'; cpus: number; qemu: string } & {
  [Part in keyof Parts]?: Measurement & Parts[Part]
}

/** Medians and ratios, for people. */
export function table({
  cpus,
  starts,
  fresh,
  memory,
  endurance,
  files,
  traffic,
  networks,
  images,
  layers,
}: Results): string {
  const lines: string[] = []
  const head = (what: string, part: Measurement) => lines.push(`${what}; ${when(part)}`)
  const line = (what: string, value: string, more = '') =>
    lines.push(`${what.padEnd(44)}${value.padStart(11)}   ${more}`.trimEnd())
  if (starts) {
    const { byHand, cold, build, warm, floor, network, close } = starts
    const hand = median(byHand)
    head(`Starts, medians (${byHand.length} boots of each kind, ${warm.length} clones)`, starts)
    line('  by hand, to an SSH command after cloud-init', seconds(hand))
    line('  cold, to the same end', seconds(median(cold)), `${ratio(cold, byHand)} x by hand (${spread(cold, byHand)})`)
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
    head(`A fresh guest per test, median wait (${fresh.on.length} tests with, ${fresh.off.length} without)`, fresh)
    line('  with standby', milliseconds(median(fresh.on)))
    line('  without', milliseconds(median(fresh.off)), `${ratio(fresh.off, fresh.floor)} x floor`)
  }
  if (memory) {
    head('Memory of guests of 512 MiB', memory)
    line('  a booted guest, RSS', mib(memory.coldRss))
    line('  a further clone, PSS', mib(median(memory.clonePss.slice(1))))
    for (const { guests, pssMib, lastMs, idleCpu } of memory.byCount) {
      line(
        `  ${guests} at once`,
        mib(pssMib),
        `${mib(pssMib / guests)} each; the last took ${seconds(lastMs)}; idle ${(idleCpu * 100).toFixed(0)} % of a CPU`,
      )
    }
    line('  all answer a concurrent command', seconds(memory.answeredMs))
  }
  if (endurance) {
    const { clones, failed, uses } = endurance
    head(`${clones} clones in a row: ${failed} failed`, endurance)
    const course = (name: keyof Use) => uses.map((use) => use[name].toFixed(0)).join(' ')
    line('  number of clones', course('clones'))
    line('  descriptors', course('descriptors'))
    line('  child processes', course('children'))
    line('  heap in use, MiB', course('heapMib'))
    line('  resident memory, MiB', course('rssMib'))
    line('  cache, MiB', course('cacheMib'))
  }
  if (files) {
    head(`Files, medians (${files.largeUp.ours.length} rounds, in turns with OpenSSH's scp -r)`, files)
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
    head(`Two guests on a bridge, medians (${ours.ping.length} turns of each pair)`, traffic)
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
    head(`Private networks with a TAP, opened and disposed by workers at the same time (${cpus} cores)`, networks)
    for (const { workers, setUp, elapsed } of atOnce) {
      line(
        `  ${workers} ${workers === 1 ? 'worker' : 'workers'}, set-up of one`,
        milliseconds(median(setUp)),
        `all of them: one every ${milliseconds(elapsed / setUp.length)}`,
      )
    }
    lines.push('One more such network, while this many workers have theirs')
    for (const [others, times] of further.entries()) line(`  ${others}`, milliseconds(median(times)))
  }
  if (images) {
    const { ours, curl, memory } = images
    head(`Images, medians (${ours.length} rounds, in turns with curl and sha256sum)`, images)
    const others = `curl ${seconds(median(curl))}; ours is ${ratio(ours, curl)} x curl`
    line('  download of 600 MB with its digest', seconds(median(ours)), others)
    for (const { bytes, rssMib } of memory) line(`  memory of a download of ${bytes / 1e6} MB`, mib(rssMib))
  }
  if (layers) {
    const { image, layer, prepared, byHand } = layers
    head(`Layers, medians (${layer.length} clones in turns, ${prepared.length} tests in turns)`, layers)
    line('  clone of an image, to a connected client', seconds(median(image)))
    line('  clone of a layer on it', seconds(median(layer)), `${ratio(layer, image)} x image`)
    line('  test with a loaded PostgreSQL, prepared', seconds(median(prepared)))
    const others = `${ratio(byHand, prepared)} x prepared`
    line('  test that loads it itself', seconds(median(byHand)), others)
  }
  return lines.join('\n')
}

/** The ratio of two that took turns: the median of the turns' ratios, because a disturbance affects both of a turn. */
function ratio(ours: readonly number[], others: readonly number[]): string {
  return median(turns(ours, others)).toFixed(2)
}

function turns(ours: readonly number[], others: readonly number[]): number[] {
  return ours.map((each, turn) => each / (others[turn] ?? Number.NaN))
}

/** The smallest and the largest of the turns' ratios. */
function spread(ours: readonly number[], others: readonly number[]): string {
  const ratios = turns(ours, others)
  return `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
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
