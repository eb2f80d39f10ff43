import bundled from '@sparticuz/chromium'
import { chromium, type Browser } from 'playwright-core'

/**
 * Flags of the package that people's browsers do not have. With the first flags, any page may read
 * any other. With a single process, closing the first page ends the browser. The software graphics
 * card compiles shaders for seconds in the middle of an animation, and without one the browser
 * paints at once.
 */
const strange =
  /^--(?:disable-web-security|allow-running-insecure-content|disable-site-isolation-trials|single-process|no-zygote|in-process-gpu|ignore-gpu-blocklist|use-(?:gl|angle)=\w+|enable-unsafe-swiftshader)$/

/**
 * Launches a real browser. On Linux x64 it comes with npm, and elsewhere it is the installed
 * Chrome. Every `*.test` name is this machine.
 */
export async function launchChromium(): Promise<Browser> {
  const rules = '--host-resolver-rules=MAP *.test 127.0.0.1'
  if (process.platform !== 'linux' || process.arch !== 'x64') return chromium.launch({ channel: 'chrome', args: [rules] })
  const args = bundled.args.filter((arg) => !strange.test(arg))
  return chromium.launch({ executablePath: await bundled.executablePath(), args: [...args, '--disable-gpu', rules] })
}
