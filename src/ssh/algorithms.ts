import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2'

/**
 * Few, so that both ends agree on plain ones at once; the later ones are for guests that refuse the first. The choice
 * costs an emulated guest nothing: 8 MB took 1 to 2 s with each cipher, a handshake 0.2 s with each key exchange
 * (Debian 12 in QEMU 7.2, TCG). No compression, by ssh2's default.
 */
export function algorithmsFor(hostPublicKey: string): Algorithms {
  return {
    kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'diffie-hellman-group14-sha256'],
    cipher: ['aes128-gcm@openssh.com', 'aes128-ctr', 'chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com'],
    // Only the type of the key that is pinned: a guest with several host keys must show that one.
    serverHostKey: [hostPublicKey.split(' ')[0] as ServerHostKeyAlgorithm],
  }
}
