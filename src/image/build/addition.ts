import { makeRecipe, mmdebstrapOptions, replacesKernel, type Recipe } from './recipe.ts'

/** How packages are added to the root of the image without them: to the same result as by their own recipe, but for the moment. */
export interface Addition {
  /** Of the image without them. */
  readonly plain: Recipe
  readonly mmdebstrap: readonly string[]
  /** A program for a hook of mmdebstrap; its argument is the root. */
  readonly install: string
}

/** Undefined for an image without more packages, and for one with another kernel. */
export function additionFor({ image: { base, packages } }: Recipe): Addition | undefined {
  if (packages.length === 0 || replacesKernel(packages)) return undefined
  return {
    plain: makeRecipe({ base, packages: [] }),
    mmdebstrap: [...mmdebstrapOptions('custom'), '--skip=check/empty'],
    install: `#!/bin/sh
# As mmdebstrap does it: apt of the host, dpkg of the root.
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
chrooted="-oDPkg::Chroot-Directory=$1 -oDir::Bin::dpkg=env -oDPkg::Options::=--unset=TMPDIR -oDPkg::Options::=dpkg"
exec apt-get --yes $chrooted install ${packages.join(' ')}
`,
  }
}
