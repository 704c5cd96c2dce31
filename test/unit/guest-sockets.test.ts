import { expect, test } from 'vitest'
import { isLoopback, parseSockets, socketUrl } from '../../src/guest/wait/sockets.ts'

/** From Debian 12, one row of each kind. */
const TABLES = `= tcp
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15219 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15220 1 0000000000000000 100 0 0 10 0
   2: E064A8C0:0016 3264A8C0:D2F4 01 00000000:00000000 02:000A7D8C 00000000     0        0 20312 2 0000000000000000 20 4 29 10 -1
= tcp6
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15221 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15222 1 0000000000000000 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15223 1 0000000000000000 100 0 0 10 0
   3: 000080FE00000000FF00545256341200:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15224 1 0000000000000000 100 0 0 10 0
= udp
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  218: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 14001 2 0000000000000000 0
= udp6
= unix
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/dbus/system bus socket
0000000000000000: 00000003 00000000 00000000 0001 03 12346 /run/connected
0000000000000000: 00000002 00000000 00010000 0005 01 12347 @abstract
0000000000000000: 00000003 00000000 00000000 0001 03 12348
`

test("listening sockets are read from the kernel's tables, without connected ones", () => {
  expect(parseSockets(TABLES).map(socketUrl)).toEqual([
    'tcp://0.0.0.0:22',
    'tcp://127.0.0.1:8080',
    'tcp://[::]:22',
    'tcp://[::1]:631',
    'tcp://[::ffff:127.0.0.1]:80',
    'tcp://[fe80::5254:ff:12:3456]:81',
    'udp://0.0.0.0:68',
    'unix:///run/dbus/system bus socket',
    'unix://@abstract',
  ])
})

test.for(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('%s can only be reached from the guest', (address) => {
  expect(isLoopback(address)).toBe(true)
})
test.for(['0.0.0.0', '::', '192.168.100.224', 'fe80::1'])('%s can be reached from outside', (address) => {
  expect(isLoopback(address)).toBe(false)
})
