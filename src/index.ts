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
export { bootGuest } from './guest/start/boot-guest.ts'
export type { BootOptions, NetworkBootOptions } from './guest/start/boot-options.ts'
export type { Commands, CommandTag, CommandValue, Exec } from './guest/commands.ts'
export type {
  DownloadOptions,
  FileOptions,
  Files,
  ReadFileOptions,
  TransferOptions,
  WriteFileOptions,
} from './guest/files.ts'
export type { Forward } from './guest/connection/forward.ts'
export type { Guest } from './guest/guest.ts'
export type { Link } from './guest/link.ts'
export type { GuestNetwork } from './guest/network/guest-network.ts'
export type { PastCommand } from './guest/inspection/history.ts'
export {
  journalText,
  type JournalEntry,
  type JournalOptions,
  type JournalPriority,
} from './guest/inspection/journal.ts'
export type { GuestState } from './guest/power/run-state.ts'
export type { Power, PowerOptions } from './guest/power/power.ts'
export { prepareGuest, type Preparation, type PrepareOptions } from './guest/start/prepare-guest.ts'
export type { ForwardOptions, Connectivity, SshForward } from './guest/connection/connectivity.ts'
export type { Inspection } from './guest/inspection/inspection.ts'
export type { Snapshot } from './guest/power/snapshots.ts'
export type { WaitOptions } from './guest/wait/wait-until.ts'
export type { ConsoleWaitOptions } from './guest/wait/wait-for-console.ts'
export type { Waits } from './guest/wait/waits.ts'
export type { Progress } from './image/resolve-image.ts'
export type { Phase, PhaseListener } from './lifetime/phases.ts'
export type { Capture } from './machine/capture.ts'
export type { Console } from './machine/console.ts'
export type { Panic } from './machine/panics.ts'
export type { Dhcp, Lease } from './network/services/dnsmasq.ts'
export { layer, type LayerOptions } from './guest/layer/layer.ts'
export type { Layer } from './options/layer.ts'
export type { Interface, InterfaceOptions } from './guest/network/interface.ts'
export type { Exposed } from './network/keeper/expose.ts'
export type { Datagrams } from './network/udp/dial-datagrams.ts'
export type { NetworkRunOptions } from './network/inside/run-inside.ts'
export type { Network, Attachment, Member } from './network/network.ts'
export { describeNetwork } from './network/diagnosis/topology.ts'
export { openNetwork } from './guest/network/open-guest-network.ts'
export type { GuestOptions, MachineOptions } from './options/guest-options.ts'
export type { Timeouts } from './options/timeouts.ts'
export type { LinkLimit } from './options/network/link-limit.ts'
export type { BridgeOptions } from './options/network/bridge-options.ts'
export type { Addressing, NetworkKind, NetworkLayout, NetworkOptions } from './options/network/network-options.ts'
export type { BuiltImageName, DiskWish, ImageName, ImageOption, ImageWish, UrlWish } from './options/image.ts'
export type { VendorImageName } from './options/vendor-images.ts'
export type { Subnet } from './address/ipv4.ts'
export type { Egress, EgressOptions } from './options/network/egress.ts'
export type { DhcpRange } from './options/network/dhcp.ts'
export type { Subnet6 } from './address/ipv6.ts'
export type { Credentials } from './seed/credentials.ts'
export type { CommandFacts } from './ssh/command/command-facts.ts'
export type { BytesOptions, CommandOptions, ExecOptions, ExecResult } from './ssh/command/exec-options.ts'
export type { GuestProcess } from './ssh/command/spawn.ts'
export type { TransferProgress } from './ssh/files/progress.ts'
