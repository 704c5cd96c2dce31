import { warnOnce } from '../../host/warn-once.ts'
import type { GuestSpec } from '../../options/guest-options.ts'
import type { IdentityError } from '../../template/identity/identity.ts'
import type { Template } from '../../template/store.ts'
import type { Unfreezable } from '../../template/find-template.ts'

export function warnOfUnfreezable({ hostname }: GuestSpec, { unfreezable }: Unfreezable): undefined {
  warnOnce(`${unfreezable}. Guest ${hostname} therefore boots every time; set start: 'cold' to avoid this warning`)
}

export function warnOfUnchangeable({ hostname }: GuestSpec, { label, unchangeable }: Template): undefined {
  warnOnce(
    `A clone of the template ${label} cannot change its name or address: ${unchangeable}. ` +
      `Guest ${hostname} therefore gets its own template, which is booted once\n` +
      HINT,
  )
}

export function warnOfFailedIdentity(
  { hostname }: GuestSpec,
  { label }: Template,
  { lastSeen }: IdentityError,
): undefined {
  warnOnce(
    `A clone of the template ${label} could not take the identity of guest ${hostname}: ${lastSeen}. It boots instead\n` +
      HINT,
  )
}

const HINT =
  "Let systemd-networkd, netplan, NetworkManager or ifupdown manage the card, as cloud-init sets it up, or set start: 'cold' to boot every time without this warning."
