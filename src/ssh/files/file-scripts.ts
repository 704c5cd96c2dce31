import { randomBytes } from 'node:crypto'
import { GuestError } from '../../errors.ts'
import { quote } from '../quote.ts'

/** Messages are matched, so they must be in English. `tar` must have no other options than those given here. */
const PLAIN = 'export LC_ALL=C.UTF-8 TAR_OPTIONS='

/** A path that cannot be mistaken for an option: absolute, or relative to root's home. @throws GuestError when it is empty */
export function plainPath(path: string, option: string): string {
  if (path === '') throw new GuestError(`Option \`${option}\` must be a path; got ''`, { option })
  const short = path.replace(/(?!^)\/+$/, '')
  return short.startsWith('/') ? short : `./${short}`
}

/** Sets `$target` to a path with its symlinks followed. The x preserves newlines at the end of the name. */
function resolved(name: string, path: string): string {
  return `${name}=$(readlink -fn -- ${quote(path)}; echo x); ${name}=\${${name}%x}; [ "$${name}" ] || ${name}=${quote(path)}`
}

export function readScript(path: string): string {
  return `${PLAIN}\ntell\nexec cat -- ${quote(path)}`
}

export interface WriteWish {
  /** Bytes to expect; with fewer the connection broke. */
  size: number
  /** Octal digits. */
  mode?: string | undefined
  owner?: string | undefined
}

/** `$target` is a file; `$part` will be the file beside it, which is removed at the end unless it was moved there. */
const BESIDE_FILE = `part=
trap 'trap "" HUP INT TERM; [ -z "$part" ] || rm -f -- "$part"' EXIT
trap 'exit 143' HUP INT TERM
tell
fail() { echo "$target: $1" >&2; exit 1; }
[ ! -d "$target" ] || fail 'Is a directory'`

function nameBeside(): string {
  return `"\${target%/*}/.vitest-guest-${randomBytes(6).toString('hex')}"`
}

/** Otherwise a device or a pipe is replaced by a file, or recreated on the other side. */
function requirePlain(name: string): string {
  return `[ ! -e "$${name}" ] || [ -f "$${name}" ] || [ -d "$${name}" ] || { echo "$${name}: Not a regular file or folder" >&2; exit 1; }`
}

/** The input also ends when the connection breaks. */
function requireSize(size: number): string {
  return `[ "$(stat -c %s -- "$part")" = ${size} ] || fail 'not all of it arrived'`
}

/**
 * Writes a file from stdin. The bytes go to a file beside it first, unless it is a device, a pipe, or a file of the kernel, which has
 * no blocks, and nothing can be created beside it. Starts as few programs as possible: each takes 50 ms under emulation.
 */
export function writeScript(path: string, { size, mode, owner }: WriteWish): string {
  return `${PLAIN}
target=${quote(path)}
[ ! -L "$target" ] || { ${resolved('target', path)}; }
${BESIDE_FILE}
umask ${mode === undefined ? '022' : '077'}
[ ! -e "$target" ] || umask 077
if [ ! -e "$target" ] || [ -f "$target" ]; then
  new=${nameBeside()}
  set -C
  if { true >"$new"; } 2>/dev/null; then
    part=$new
  elif [ ! -f "$target" ] || [ "$(stat -c %b -- "$target")" != 0 ]; then
    true >"$new"
    exit 1
  fi
  set +C
fi
file=\${part:-$target}
cat >"$file" || exit
if [ "$part" ]; then
  ${requireSize(size)}
  [ ! -e "$target" ] || { chown --reference="$target" -- "$part" && chmod --reference="$target" -- "$part"; } || exit
fi
${owner === undefined ? '' : `chown -- ${quote(owner)} "$file" || exit`}
${mode === undefined ? '' : `chmod -- ${quote(mode)} "$file" || exit`}
if [ "$part" ]; then mv -fT -- "$part" "$target" && part=; fi`
}

/** Writes a new file from stdin, which replaces an existing one. */
export function receiveFileScript(path: string, { size, mode, mtimeMs }: FileFacts): string {
  return `${PLAIN}
${resolved('target', path)}
${BESIDE_FILE}
${requirePlain('target')}
umask 077
new=${nameBeside()}
set -C
true >"$new" || exit
set +C
part=$new
cat >"$part" || exit
${requireSize(size)}
chmod -- ${(mode & 0o7777).toString(8)} "$part" && touch -d @${Math.floor(mtimeMs / 1000)} -- "$part" || exit
mv -fT -- "$part" "$target" && part=`
}

type FileFacts = Readonly<Record<'size' | 'mode' | 'mtimeMs', number>>

/**
 * Unpacks the archive of one file or folder, `./NAME`, from stdin. TAR_OPTIONS make GNU tar read and write 64 KiB at a time, not 10;
 * others ignore it.
 */
export function receiveScript(path: string, { name, isFolder }: { name: string; isFolder: boolean }): string {
  const extract = 'tar --extract --preserve-permissions --no-same-owner --file=-'
  // A folder of the guest keeps its owner and permissions, and a symlink to one (Debian's /lib) stays what it is.
  const merge = `${extract} --no-overwrite-dir --keep-directory-symlink --strip-components=2 --directory="$target"`
  return `${PLAIN}--blocking-factor=128
${resolved('target', path)}
stage=
trap 'trap "" HUP INT TERM; [ -z "$stage" ] || rm -rf -- "$stage"' EXIT
trap 'exit 143' HUP INT TERM
tell
fail() { echo "$target: $1" >&2; exit 1; }
${requirePlain('target')}
if [ -d "$target" ]; then
  ${isFolder ? `${merge}; exit` : `fail 'Is a directory'`}
fi
${isFolder ? `[ ! -e "$target" ] || fail 'Not a directory'` : ''}
stage=$(mktemp -d -- "\${target%/*}/.vitest-guest-XXXXXX") || exit
${extract} --directory="$stage" || exit
mv -fT -- "$stage/"${quote(name)} "$target"`
}

/** Packs one file or folder as `./NAME` to stdout, and first reports how many bytes it occupies, if wanted. */
export function sendScript(path: string, { measure }: { measure: boolean }): string {
  const size = measure ? ` "$(du --summarize --block-size=1 -- "$source" | cut -f 1)"` : ''
  return `${PLAIN}
${resolved('source', path)}
tell${size}
[ "$source" != / ] || { echo "/: Name a folder below it" >&2; exit 1; }
[ -e "$source" ] || { echo "$source: No such file or directory" >&2; exit 1; }
${requirePlain('source')}
stage=
trap 'trap "" HUP INT TERM; [ -z "$stage" ] || rm -rf -- "$stage"' EXIT
trap 'exit 143' HUP INT TERM
case $source in
/proc/* | /sys/*)
  # The kernel's files have no known length.
  if [ -f "$source" ]; then
    stage=$(mktemp -d) && cat <"$source" >"$stage/\${source##*/}" || exit
    source=$stage/\${source##*/}
  fi
  ;;
esac
tar --create --sparse --no-unquote --file=- --directory="\${source%/*}/" -- "./\${source##*/}"
[ $? -le 1 ]`
}
