import { capture, type Capture } from '../../machine/capture.ts'
import { screenshot } from '../../machine/screenshot.ts'
import type { GuestContext } from '../guest-context.ts'
import { journal, type JournalEntry, type JournalOptions } from './journal.ts'

/** Ways to inspect a guest. */
export interface Inspection {
  /**
   * The guest's screen as PNG. It comes from QEMU, so it needs neither a network nor a working system. `debian-12` keeps its
   * screen in text mode and prints the kernel's alerts there; its login prompt is on the console.
   * @throws HostError when QEMU is older than 7.1, or has exited.
   */
  screenshot(): Promise<Buffer>
  /**
   * The guest's journal, oldest message first.
   * @throws CommandError when the guest has no systemd.
   */
  journal(options?: JournalOptions): Promise<JournalEntry[]>
  /**
   * Captures every packet to and from the guest into a pcap file on this host, for tcpdump, tshark or Wireshark, until disposed;
   * the capture ends with the guest at the latest. An existing file is overwritten. Timestamps are from
   * QEMU's own clock: only their differences are meaningful.
   * @throws HostError when the file cannot be written.
   */
  capture(file: string): Promise<Capture>
  /** All captures so far, most recent last. */
  readonly captures: readonly Capture[]
}

export function inspection({ machine, network, macAddress, exec, disposers }: GuestContext): Inspection {
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
