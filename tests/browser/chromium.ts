import bundled from '@sparticuz/chromium'
import { chromium, type Browser } from 'playwright-core'

/**
 * Flags that the npm package sets and ordinary browsers do not have. Some of these flags allow a
 * page to read pages of other sites. `--single-process` makes the browser exit when its first page
 * closes. The GPU flags select a software GPU, which compiles shaders for seconds in the middle of
 * an animation. Without these GPU flags, the browser paints immediately.
 */
const strange =
  /^--(?:disable-web-security|allow-running-insecure-content|disable-site-isolation-trials|single-process|no-zygote|in-process-gpu|ignore-gpu-blocklist|use-(?:gl|angle)=\w+|enable-unsafe-swiftshader)$/

/**
 * Launches a real browser: on Linux x64 the Chromium of an npm package, elsewhere the installed
 * Chrome. Every `*.test` host name resolves to this machine.
 */
export async function launchChromium(): Promise<Browser> {
  const rules = '--host-resolver-rules=MAP *.test 127.0.0.1'
  if (process.platform !== 'linux' || process.arch !== 'x64') return chromium.launch({ channel: 'chrome', args: [rules] })
  const args = bundled.args.filter((arg) => !strange.test(arg))
  return chromium.launch({ executablePath: await bundled.executablePath(), args: [...args, '--disable-gpu', rules] })
}
