import { launchChromium } from './browser/chromium.ts'
import { startServer } from './runtimes/server.ts'
import { example } from './browser/status/example.ts'
const server = await startServer('node', { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' })
const browser = await launchChromium()
const shots: any[] = [
  ['light', { viewport: { width: 1280, height: 800 } }],
  ['dark', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }],
  ['phone', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ['chinese', { viewport: { width: 1280, height: 800 }, locale: 'zh-CN' }],
]
for (const [name, options] of shots) {
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', ...options })
  const page = await context.newPage()
  page.on('console', (m) => console.log(name, m.text()))
  await page.route('**/status/data', (r) => r.fulfill({ json: example }))
  await page.goto(server.url + '/status')
  await page.locator('.row').first().waitFor()
  await page.screenshot({ path: `/tmp/status-look/${name}.png`, fullPage: true })
  await page.unroute('**/status/data')
  await page.route('**/status/data', (r) => r.fulfill({ status: 404, json: {} }))
  await page.waitForTimeout(2500)
  await page.screenshot({ path: `/tmp/status-look/${name}-gate.png`, fullPage: true })
  await context.close()
}
const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1000, height: 700 } })
const page = await context.newPage()
await page.goto(server.url + '/status')
await page.waitForTimeout(1000)
await page.screenshot({ path: `/tmp/status-look/empty.png`, fullPage: true })
await browser.close()
await server.stop()
