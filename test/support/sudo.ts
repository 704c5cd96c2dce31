import { execa } from 'execa'

/** Runs a command as root: directly if we are, otherwise by `sudo -n`. */
export async function asRoot(command: readonly [string, ...string[]]): Promise<string> {
  const [file, ...args] = process.getuid?.() === 0 ? command : (['sudo', '-n', ...command] as const)
  const { stdout } = await execa(file, args)
  return stdout
}
