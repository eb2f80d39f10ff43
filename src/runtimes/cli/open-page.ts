import { spawn } from 'node:child_process'
import process from 'node:process'

/** Opens a page in the browser. Does nothing where no browser can be opened. */
export function openPage(url: string): void {
  const command = toCommand(url)
  if (!command) return
  const [file, ...args] = command
  const child = spawn(file, args, { stdio: 'ignore', detached: true })
  child.on('error', () => {}) // there is no such program
  child.unref()
}

function toCommand(url: string): readonly [string, ...string[]] | undefined {
  const { DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION } = process.env
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  // The browser of another machine is of no use to the user of this terminal.
  if (process.platform === 'darwin') return SSH_CONNECTION ? undefined : ['open', url]
  return DISPLAY || WAYLAND_DISPLAY ? ['xdg-open', url] : undefined
}
