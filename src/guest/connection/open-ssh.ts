import type { Client } from 'ssh2'
import type { Phases } from '../../lifetime/phases.ts'
import { connectSsh, type Login } from '../../ssh/connect.ts'
import { waitForBanner, type Dial } from '../../ssh/wait-for-banner.ts'

const UNNAMED: Pick<Phases, 'run'> = { run: (_name, work) => work() }

/** Opens an authenticated client, in two named phases. */
export async function openSsh(
  dial: Dial,
  login: Login,
  signal: AbortSignal,
  phases = UNNAMED,
  onBanner = () => {},
): Promise<Client> {
  const socket = await phases.run('ssh banner', () => waitForBanner(dial, signal))
  onBanner()
  return phases.run('ssh authentication', () => connectSsh(socket, login, signal))
}
