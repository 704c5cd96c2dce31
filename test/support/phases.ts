/** The phases of a start on a separate network, in order; guest.slow.test.ts and clone.test.ts compare them with real ones. */
export const PHASES = {
  // prettier-ignore
  cold: [
    'host', 'accelerator', 'image', 'network', 'keeper', 'tap', 'seed', 'qemu', 'ssh banner', 'ssh authentication', 'cloud-init',
    'clock',
  ],
  // prettier-ignore
  warm: [
    'host', 'accelerator', 'image', 'network', 'template', 'tap', 'restore', 'bridge', 'ssh banner', 'ssh authentication',
    'clock and entropy',
  ],
} as const
