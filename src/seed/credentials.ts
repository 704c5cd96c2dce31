import { randomBytes } from 'node:crypto'
import ssh2 from 'ssh2'

/** The keys and password of a guest, created once per guest. */
export interface Credentials {
  readonly rootPassword: string
  /** OpenSSH private key, PEM. */
  readonly clientKey: string
  /** `ssh-ed25519 AAAA…` */
  readonly clientPublicKey: string
  /** OpenSSH private key, PEM. */
  readonly hostKey: string
  /** `ssh-ed25519 AAAA…` */
  readonly hostPublicKey: string
}

const PASSWORD_BYTES = 24
/** Two length-prefixed strings: `ssh-ed25519` and 32 bytes of key. */
const ED25519_BLOB_LENGTH = 4 + 11 + 4 + 32

/** @param rootPassword @default 32 random characters of A-Z, a-z, 0-9, `-` and `_` */
export function makeCredentials(rootPassword = randomBytes(PASSWORD_BYTES).toString('base64url')): Credentials {
  const client = ed25519Pair()
  return { rootPassword, clientKey: client.private, clientPublicKey: client.public, ...makeHostKey() }
}

export function makeHostKey(): Pick<Credentials, 'hostKey' | 'hostPublicKey'> {
  const { private: hostKey, public: hostPublicKey } = ed25519Pair()
  return { hostKey, hostPublicKey }
}

function ed25519Pair() {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519')
    // ssh2 1.17.0 strips leading zero bytes from the public key (lib/keygen.js), so that one pair in 256 is a byte
    // short and OpenSSH refuses it: "error in libcrypto".
    if (Buffer.from(pair.public.split(' ')[1] ?? '', 'base64').length === ED25519_BLOB_LENGTH) return pair
  }
}
