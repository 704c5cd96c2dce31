import type { Client } from 'ssh2'
import { exec } from '../../ssh/command/exec.ts'

/**
 * A shell command that prints a line for each network card, its place on the bus and its name, in the order of QEMU's command line. A VLAN
 * or a bridge on a card has its MAC address, and a bond gives it to another card, so a card is known by its place.
 */
export const LIST_CARDS = `for each in /sys/class/net/*; do echo "$(readlink -f "$each/device") \${each##*/}"; done |
  grep -E '^/sys/devices/(pci|.*/virtio)' | sort`

/** What the kernel allows (net/core/dev.c, dev_valid_name), less what no card is called. */
const NAME = /^[\w.:@+-]{1,15}$/

/** What the guest calls its network cards, in the order of QEMU's command line. */
export async function cardNames(client: Client, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await exec(client, LIST_CARDS, { cancelSignal: signal, reject: false, maxBuffer: LONGEST })
  return stdout.split('\n').map((line) => NAME.exec(line.split(' ').at(-1) ?? '')?.[0] ?? '')
}

/** Bytes. */
const LONGEST = 100_000
