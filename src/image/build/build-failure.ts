import { ImageError } from '../../errors.ts'
import { GuestError } from '../../errors.ts'
import { noSpace } from './require-builder.ts'

/** What a failed build says, and what to do then. The first that matches counts. */
const EXPLANATIONS: readonly { says: RegExp; what: string; hint: string }[] = [
  {
    says: /NO_PUBKEY|public key is not available|is not signed|no valid OpenPGP|keyring .* (?:not|doesn't) exist/i,
    what: "Debian's signature could not be checked",
    hint: 'Install the keys: sudo apt-get install debian-archive-keyring',
  },
  {
    says: /Unable to locate package (\S+)|Package '?([^\s']+)'? has no installation candidate/i,
    what: 'this release of Debian has no package $1',
    hint: 'Look the name up at https://packages.debian.org/ and correct `image.packages`.',
  },
  {
    says: /Release file for (\S+) is (?:expired|not valid yet)/i,
    what: "the mirror's $1 is not of the present time",
    hint: "If this host's clock is right, the mirror is out of date: use another one.",
  },
  {
    says: /Failed to fetch (\S+)\s+404 /i,
    what: 'the mirror has lost $1, which its package lists name',
    hint: 'A mirror that is being updated is whole again within hours; try again then, or use another one.',
  },
  {
    says: /(Temporary failure resolving[^\n]*|Could not resolve[^\n]*|Could not connect[^\n]*|Unable to connect[^\n]*|Network is unreachable[^\n]*|Failed to fetch[^\n]*)/i,
    what: 'A Debian mirror could not be reached: $1',
    hint: 'Building an image needs network access once. Behind a proxy, set http_proxy, then try again.',
  },
]
const NO_SPACE = /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/i

/** The error of a build that failed in `folder`, with what to do about it. */
export function explainBuildFailure(error: unknown, label: string, folder: string): Error {
  const { message = '', stderr = '' } = error as GuestError
  const said = `${message}\n${stderr}`
  if (NO_SPACE.test(said)) return noSpace(folder, label, error)
  if (error instanceof GuestError && error.hint !== undefined) return error
  for (const { says, what, hint } of EXPLANATIONS) {
    const match = says.exec(said)
    if (match) {
      const found = what.replace('$1', match[1] ?? match[2] ?? '')
      return new ImageError(`The image ${label} could not be built: ${found}`, { ...facts(error), hint, cause: error })
    }
  }
  const [first = ''] = message.split('\n')
  return new ImageError(`The image ${label} could not be built: ${first}`, {
    ...facts(error),
    hint: `It is built in ${folder}; set VITEST_GUEST_CACHE to build elsewhere.`,
    cause: error,
  })
}

function facts(error: unknown) {
  if (!(error instanceof GuestError)) return {}
  const { command, exitCode, signal, stderr } = error
  return { command, exitCode, signal, stderr }
}
