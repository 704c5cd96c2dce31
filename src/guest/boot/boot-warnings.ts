import { warnOnce } from '../../host/warn-once.ts'
import type { GuestSpec } from '../../options/guest-options.ts'
import type { IdentityError } from '../../template/identity/identity-error.ts'
import type { Template } from '../../template/store.ts'
import type { Unfreezable } from '../../template/find-template.ts'

/** No machine like this can be cloned. */
export function warnOfUnfreezable({ hostname }: GuestSpec, { unfreezable }: Unfreezable): undefined {
  warnOnce(`${unfreezable}; so guest ${hostname} boots each time (start: 'cold' says so without this warning)`)
}

/** It is known of the template that its clones stay who they are. */
export function warnOfUnchangeable({ hostname }: GuestSpec, { label, unchangeable }: Template): undefined {
  warnOnce(
    `A clone of the template ${label} cannot get another name or address: ${unchangeable}. ` +
      `So guest ${hostname} has a template of its own, which is booted once\n` +
      HINT,
  )
}

/** A clone was to become this guest, and has not. */
export function warnOfFailedIdentity(
  { hostname }: GuestSpec,
  { label }: Template,
  { lastSeen }: IdentityError,
): undefined {
  warnOnce(
    `A clone of the template ${label} did not become guest ${hostname}: ${lastSeen}. So ${hostname} boots\n` + HINT,
  )
}

const HINT =
  "Leave the card to systemd-networkd, netplan, NetworkManager or ifupdown, as cloud-init sets it up; or say start: 'cold', which boots each time without this warning."
