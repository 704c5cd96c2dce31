import type { Guest } from '../../src/index.ts'

/** A guest's identity according to its kernel and its files. */
export async function identity(guest: Guest): Promise<Record<string, string>> {
  const questions = {
    hostname: 'hostname',
    file: 'cat /etc/hostname',
    machineId: 'cat /etc/machine-id',
    hostKey: 'cut -d" " -f1,2 /etc/ssh/ssh_host_ed25519_key.pub',
    macAddress: `cat /sys/class/net/${cardOf(guest)}/address`,
    address: 'hostname -I | tr -d " "',
    self: 'sed -n "s/^127.0.1.1[[:space:]]*//p" /etc/hosts | cut -f1',
  }
  const { stdout } = await guest.exec(Object.values(questions).join('; '))
  const answers = stdout.split('\n')
  return Object.fromEntries(Object.keys(questions).map((name, index) => [name, answers[index] ?? '']))
}

/** What a guest calls its card, the first if not another one. */
export function cardOf({ interfaces }: Guest, index = 0): string {
  return interfaces[index]?.name ?? ''
}
