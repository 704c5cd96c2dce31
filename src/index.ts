/**
 * The core: real Linux guests for any test runner or script, without vitest.
 * @module
 */
export {
  BootError,
  CommandError,
  GuestError,
  HostError,
  ImageError,
  NetworkError,
  SshError,
  WaitError,
} from './errors.ts'
export type { GuestErrorFacts } from './errors.ts'
export { bootGuest, type BootOptions, type NetworkBootOptions } from './guest/boot-guest.ts'
export type { Commands, CommandValue, Exec, Template } from './guest/commands.ts'
export type {
  DownloadOptions,
  FileOptions,
  Files,
  ReadFileOptions,
  TransferOptions,
  WriteFileOptions,
} from './guest/files.ts'
export type { Forward } from './guest/forward.ts'
export type { Guest } from './guest/guest.ts'
export type { Link } from './guest/link.ts'
export type { GuestNetwork } from './guest/guest-network.ts'
export type { PastCommand } from './guest/history.ts'
export { journalText, type JournalEntry, type JournalOptions, type JournalPriority } from './guest/journal.ts'
export type { GuestState } from './guest/life.ts'
export type { Power, PowerOptions } from './guest/power.ts'
export { prepareGuest, type Preparation, type PrepareOptions } from './guest/prepare-guest.ts'
export type { ForwardOptions, Reach, SshForward } from './guest/reach.ts'
export type { See } from './guest/see.ts'
export type { Snapshot } from './guest/snapshots.ts'
export type { WaitOptions } from './guest/wait-until.ts'
export type { ConsoleWaitOptions } from './guest/wait-for-console.ts'
export type { Waits } from './guest/waits.ts'
export type { Progress } from './image/resolve-image.ts'
export type { Phase, PhaseListener } from './lifetime/phases.ts'
export type { Capture } from './machine/capture.ts'
export type { Console } from './machine/console.ts'
export type { Panic } from './machine/panics.ts'
export type { Dhcp } from './network/dnsmasq.ts'
export type { Lease } from './network/leases.ts'
export type { Interface, InterfaceOptions } from './guest/further-cards.ts'
export type { Exposed } from './network/expose.ts'
export type { Datagrams } from './network/dial-datagrams.ts'
export type { NetworkRunOptions } from './network/run-inside.ts'
export type { Network, Attachment, Member } from './network/network.ts'
export { describeNetwork } from './network/topology.ts'
export { openNetwork } from './guest/open-guest-network.ts'
export type { GuestOptions, MachineOptions } from './options/guest-options.ts'
export type { Timeouts } from './options/timeouts.ts'
export type { LinkLimit } from './options/link-limit.ts'
export type { BridgeOptions } from './options/bridge-options.ts'
export type { Addressing, NetworkKind, NetworkOptions } from './options/network-options.ts'
export type { DiskWish, ImageOption, ImageWish } from './options/image.ts'
export type { Subnet } from './options/ipv4.ts'
export type { Egress, EgressOptions } from './options/egress.ts'
export type { DhcpRange } from './options/dhcp.ts'
export type { Subnet6 } from './options/ipv6.ts'
export type { Credentials } from './seed/credentials.ts'
export type { CommandFacts } from './ssh/command-facts.ts'
export type { BytesOptions, CommandOptions, ExecOptions, ExecResult } from './ssh/exec.ts'
export type { GuestProcess } from './ssh/spawn.ts'
export type { TransferProgress } from './ssh/progress.ts'
