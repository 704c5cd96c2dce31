import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const HEADER = 12

/** A name server that answers every question with one IPv4 address. */
export async function answerNames(at: string, answer: string): Promise<void> {
  const socket = createSocket('udp4', (query, { port, address }) => {
    // The question: a name that ends with a zero, type and class.
    const question = query.subarray(HEADER, query.indexOf(0, HEADER) + 5)
    const header = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
    const record = Buffer.from([0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...answer.split('.').map(Number)])
    socket.send(Buffer.concat([header, question, record]), port, address)
  })
  await once(socket.bind(53, at), 'listening')
}
