import { badOption } from '../errors/bad-option.ts'

export function requirePort(port: unknown, example: string): void {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535) return
  throw badOption('port', 'a whole number from 1 to 65535', port, `Write ${example}.`)
}
