import { messageOf } from '../../host/message-of.ts'

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name of the server cannot be resolved',
  EAI_AGAIN: 'the name of the server cannot be resolved',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  ENETUNREACH: 'the network is unreachable',
  EHOSTUNREACH: 'the server cannot be reached',
  ETIMEDOUT: 'the connection timed out',
  ENOENT: 'the file does not exist',
  EACCES: 'the file may not be read',
  UND_ERR_CONNECT_TIMEOUT: 'the server does not take connections',
  UND_ERR_HEADERS_TIMEOUT: 'the server did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'the server stopped sending',
  UND_ERR_SOCKET: 'the server closed the connection half-way',
}

/** Why there was no answer, or only part of one. */
export function whyNot(error: unknown): string {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth++) {
    const words = WORDS[(each as NodeJS.ErrnoException).code ?? '']
    if (words !== undefined) return words
    // One error for each address of the server.
    if (each instanceof AggregateError && each.errors.length > 0) return whyNot(each.errors[0])
  }
  return messageOf(error)
}
