import bundled from '@sparticuz/chromium'
import { chromium, type Browser } from 'playwright-core'

/**
 * What the package sets and people's browsers do not: with the first any page may read any other, and in one process the first page that is
 * closed ends the browser. Its graphics card in software compiles shaders for seconds, in the middle of an animation; without one, it paints at once.
 */
const strange =
  /^--(?:disable-web-security|allow-running-insecure-content|disable-site-isolation-trials|single-process|no-zygote|in-process-gpu|ignore-gpu-blocklist|use-(?:gl|angle)=\w+|enable-unsafe-swiftshader)$/

/** A real browser: one that comes with npm on Linux x64, elsewhere the Chrome that is installed. Every name but a listed one is this machine. */
export async function launchChromium(): Promise<Browser> {
  const rules = '--host-resolver-rules=MAP *.test 127.0.0.1'
  if (process.platform !== 'linux' || process.arch !== 'x64') return chromium.launch({ channel: 'chrome', args: [rules] })
  const args = bundled.args.filter((arg) => !strange.test(arg))
  return chromium.launch({ executablePath: await bundled.executablePath(), args: [...args, '--disable-gpu', rules] })
}
