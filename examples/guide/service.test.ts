import { expect, test, WaitError } from 'vitest-guest'

const unit = `
[Service]
ExecStart=/usr/bin/python3 -m http.server --directory /srv/pages 8080
Restart=always

[Install]
WantedBy=multi-user.target
`

test.beforeAll(async ({ guest }) => {
  await guest.$`mkdir -p /srv/pages`
  await guest.writeFile('/srv/pages/index.html', 'hello')
  await guest.writeFile('/etc/systemd/system/pages.service', unit)
  await guest.$`systemctl enable --now pages`
  await guest.waitForPort(8080)
}, 120_000)

test('it runs, and will after a boot', async ({ guest }) => {
  await expect(guest).toHaveUnit('pages', { active: true, enabled: true })
  await expect(guest).toListenOn(8080)
})

test('it serves the page', async ({ guest }) => {
  const response = await guest.fetch('http://guest:8080/')
  expect(response.status).toBe(200)
  expect(await response.text()).toBe('hello')
})

test('it is started again when it dies', async ({ guest }) => {
  await guest.$`systemctl kill --signal=KILL pages`
  await expect(guest).toHaveUnit('pages', { active: true, properties: { NRestarts: '1' } })
  await guest.waitForPort(8080)
})

test('a service that cannot start ends the wait at once', async ({ guest }) => {
  await guest.writeFile('/etc/systemd/system/broken.service', '[Service]\nExecStart=/bin/false\n')
  await guest.$`systemctl start broken`
  await expect(guest.waitForUnit('broken')).rejects.toThrow(WaitError)
  await guest.$`systemctl reset-failed broken`
})
