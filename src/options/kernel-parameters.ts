import { badOption } from '../errors/bad-option.ts'
import { imageLabel, type ImageSpec } from './image.ts'

/** x86's COMMAND_LINE_SIZE is 2048; the rest is for the image's own parameters. */
const MOST = 1500
/** Printable ASCII; a space only within double quotes, as in `dyndbg="file ec.c +p"` (admin-guide/kernel-parameters). */
const PARAMETER = /^(?:[!#-~]|"[ !#-~]*")+$/

/** @throws GuestError for parameters that cannot be added to the kernel's command line */
export function parseKernelParameters(parameters: unknown, image: ImageSpec): readonly string[] {
  const option = 'kernelParameters'
  const hint = "Write kernelParameters: ['crashkernel=128M', 'systemd.unified_cgroup_hierarchy=0']."
  const isList = Array.isArray(parameters) && parameters.every((each) => typeof each === 'string')
  if (!isList) throw badOption(option, 'an array of strings', parameters, hint)
  const list: readonly string[] = parameters
  const bad = list.find((each) => !PARAMETER.test(each))
  if (bad !== undefined) {
    const expected = 'one parameter per string, in printable ASCII, with spaces only inside double quotes'
    throw badOption(option, expected, bad, hint)
  }
  const length = list.join(' ').length
  if (length > MOST) throw badOption(option, `at most ${MOST} characters in total`, length, hint)
  if (list.length > 0 && !('base' in image)) {
    const change =
      "Its boot loader sets them: change GRUB_CMDLINE_LINUX in the image and run update-grub, or use image: 'debian-12'."
    throw badOption(option, `omitted for a disk with its own boot loader (${imageLabel(image)})`, parameters, change)
  }
  return [...list]
}
