import type { Client } from 'ssh2'
import { connectSsh, type Login } from '../../ssh/connect.ts'
import { waitForBanner, type Dial } from '../../ssh/wait-for-banner.ts'

type RunPhase = <T>(name: string, work: () => Promise<T>) => Promise<T>

/** From an address to an authenticated client, in two named phases. */
export async function openSsh(
  dial: Dial,
  login: Login,
  signal: AbortSignal,
  phase: RunPhase = (_name, work) => work(),
  onBanner: () => void = () => {},
): Promise<Client> {
  const socket = await phase('ssh banner', () => waitForBanner(dial, signal))
  onBanner()
  return phase('ssh authentication', () => connectSsh(socket, login, signal))
}
