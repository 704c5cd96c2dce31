import { connect } from 'node:net'
import { Qmp } from './qmp.ts'

/** The words of QEMU's human monitor, which has commands that QMP has not. */
export interface HumanMonitor {
  /** The answer as it is shown to people, empty for most commands. @throws HostError when QEMU refuses or is gone */
  say(command: string): Promise<string>
}

/** Greets QEMU on a UNIX socket that speaks QMP. `onClose` is told when QEMU is gone, or was not there at all. */
export async function humanMonitor(path: string, onClose: () => void): Promise<HumanMonitor> {
  const socket = connect(path).once('close', onClose)
  const qmp = new Qmp(socket)
  await qmp.execute('qmp_capabilities')
  return { say: async (command) => String(await qmp.execute('human-monitor-command', { 'command-line': command })) }
}
