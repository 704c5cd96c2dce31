import type { Disposers } from '../../lifetime/disposers.ts'
import { capture, type Capture } from '../../machine/capture.ts'
import { screenshot } from '../../machine/screenshot.ts'
import type { Machine } from '../../machine/start-machine.ts'
import type { Network } from '../../network/network.ts'
import type { Exec } from '../commands.ts'
import { journal, type JournalEntry, type JournalOptions } from './journal.ts'

/** What a guest shows of itself. */
export interface Inspection {
  /**
   * The guest's screen, as PNG. It comes from QEMU, so it needs neither network nor a system that works. `debian-12` keeps its
   * screen in text mode and writes the kernel's alarms there; its login prompt is on the console.
   * @throws HostError when QEMU is older than 7.1, or has ended.
   */
  screenshot(): Promise<Buffer>
  /**
   * The guest's journal, the oldest message first.
   * @throws CommandError when the guest has no systemd.
   */
  journal(options?: JournalOptions): Promise<JournalEntry[]>
  /**
   * Writes every packet to and from the guest into a pcap file of this host, for tcpdump, tshark or Wireshark, until disposed;
   * it ends with the guest at the latest. A file that is there already is overwritten. Its times are of
   * QEMU's own clock: only their differences mean something.
   * @throws HostError when the file cannot be written.
   */
  capture(file: string): Promise<Capture>
  /** All captures so far, the latest last. */
  readonly captures: readonly Capture[]
}

interface InspectionParts {
  readonly machine: Machine
  readonly network: Network
  readonly macAddress: string
  readonly exec: Exec
  readonly disposers: Disposers
}

export function inspection({ machine, network, macAddress, exec, disposers }: InspectionParts): Inspection {
  const captures: Capture[] = []
  return {
    captures,
    screenshot: () => screenshot(machine.qmp, network.stateFolder),
    journal: (options) => journal(exec, options),
    capture: async (file) => {
      const begun = disposers.use(await capture(machine.qmp, file, { macAddress, stateFolder: network.stateFolder }))
      captures.push(begun)
      return begun
    },
  }
}
