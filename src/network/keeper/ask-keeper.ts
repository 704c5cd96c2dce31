import { text } from 'node:stream/consumers'
import { NetworkError } from '../../errors.ts'
import { request } from '../../host/http.ts'

/** Has the keeper of a `host` network run lines of ip(8). @throws NetworkError with ip's words in `stderr` */
export function askKeeper(socketPath: string, commands: string, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method: 'POST', path: '/', agent: false, signal }, (response) => {
      text(response).then((stderr) => {
        if (response.statusCode === 200) resolve()
        else reject(new NetworkError('ip failed', { stderr }))
      }, reject)
    })
    asking.once('error', (cause) => {
      reject(new NetworkError(`The network's keeper cannot be reached: ${cause.message}`, { cause }))
    })
    asking.end(commands)
  })
}
