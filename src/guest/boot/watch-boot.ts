import { BootError, SshError } from '../../errors.ts'
import type { Console } from '../../machine/console.ts'
import type { Machine, MachineExit } from '../../machine/start-machine.ts'

/** Console output, other than a panic, that means that a boot has failed. */
const BADNESS = [
  {
    pattern: /ALERT!\s{1,8}(.{0,300}?)\s{1,8}Dropping to a shell!|Dropping to a shell!/,
    what: 'The initramfs found no root file system and dropped to a shell',
    hint: "Check the image: does its boot loader's root= name a file system that exists?",
  },
  {
    pattern: /You are in (emergency|rescue) mode/,
    what: 'systemd gave up and entered a rescue shell',
    hint: 'Look for FAILED and DEPEND in the console: a mount in /etc/fstab is the usual cause.',
  },
  {
    pattern: /grub rescue>/,
    what: 'GRUB could not find its files and entered its rescue shell',
    hint: 'Reinstall GRUB in the image, or check that the disk is complete.',
  },
]

/** The longest line matched across pieces of output, in characters. */
const LONGEST_LINE = 1024

/** cloud-init's final_message, long after sshd should have started. */
const BOOT_FINISHED = /Cloud-init v\. \S+ finished at/

/** Calls `fail` on evidence that a booting machine will never be ready; its console output begins at `since`. */
export function watchBoot(machine: Machine, sshdGraceMs: number, since: number, fail: (error: Error) => void) {
  const { console, panics } = machine
  let seen = since
  let grace: NodeJS.Timeout | undefined
  let answered = false
  let over = false

  const look = () => {
    const text = console.textSince(Math.max(since, seen - LONGEST_LINE))
    seen = console.position
    const error = badness(text, console)
    if (error) fail(error)
    if (!answered && !grace && BOOT_FINISHED.test(text))
      grace = setTimeout(() => fail(noSshd(console.tail, since > 0)), sshdGraceMs)
  }
  const stopLooking = console.onOutput(look)
  look()
  const panicked = () => panics.error && fail(panics.error)
  const stopPanics = panics.onChange(panicked)
  panicked()
  void machine.exited.then((exit) => {
    if (!over) fail(endedWhileBooting(exit, console.tail))
  })

  return {
    /** From now on, a silent sshd is no failure. */
    sshdAnswered: () => {
      answered = true
      clearTimeout(grace)
    },
    [Symbol.dispose]: () => {
      over = true
      clearTimeout(grace)
      stopLooking()
      stopPanics()
    },
  }
}

function badness(text: string, console: Console): BootError | undefined {
  for (const { pattern, what, hint } of BADNESS) {
    const match = pattern.exec(text)
    if (match) {
      return new BootError(match[1] ? `${what}: ${match[1].trim()}` : what, { consoleTail: console.tail, hint })
    }
  }
  return undefined
}

function noSshd(consoleTail: string, isRestart: boolean): SshError {
  return new SshError('The guest has finished booting, but no sshd answers on port 22', {
    phase: 'ssh banner',
    consoleTail,
    hint: isRestart
      ? 'sshd answered during the previous boot. The console shows whether ssh.service failed; a crash loses whatever the guest had not yet written to its disk (sync).'
      : 'The console shows whether ssh.service failed; if it is missing, install openssh-server in the image.',
  })
}

function endedWhileBooting({ reason, exitCode, signal, stderr }: MachineExit, consoleTail: string): BootError {
  if (reason === 'guest-shutdown') {
    return new BootError('The guest powered itself off while booting', {
      consoleTail,
      hint: 'Look for poweroff or shutdown in cloudConfig (bootcmd, runcmd, power_state) and in the image.',
    })
  }
  const how = signal ? `killed by ${signal}` : `with exit code ${exitCode}`
  return new BootError(`QEMU exited while the guest was booting, ${how}`, {
    exitCode,
    signal,
    stderr,
    consoleTail,
    hint: "See QEMU's own output above, if any; the host's kernel log (dmesg) shows whether it ran out of memory.",
  })
}
