// Starts `npm run NAME` on a free port, checks that the server answers, and stops it. This script
// needs Node 18 or later.
import { spawn, spawnSync } from 'node:child_process'

const name = process.argv[2]
const isWindows = process.platform === 'win32'
const child = spawn('npm', ['run', name], {
  env: { ...process.env, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
  // On Windows npm is a script for the shell, and a detached process would open a window.
  shell: isWindows,
  detached: !isWindows,
})
const timer = setTimeout(() => end(1, 'it did not answer within 30 s'), 30_000)
child.on('exit', (status) => end(1, `it ended with ${status}`))

let said = ''
child.stdout.on('data', async (data) => {
  said += data
  const url = /listens on (http:\S+)/.exec(said)?.[1]
  if (!url) return
  child.stdout.removeAllListeners('data')
  const pong = await (await fetch(`${url}/ping`)).text()
  if (pong !== '{"message":"OK"}') return end(1, pong)
  if (name === 'demo') {
    const answer = await (await fetch(`${url}/chat`, { method: 'POST', body: '{"text":"Hello"}' })).text()
    if (!answer.includes('\nevent: done\n')) return end(1, answer)
  }
  end(0, url)
})

function end(status, what) {
  clearTimeout(timer)
  child.removeAllListeners('exit')
  console.log(`npm run ${name}: ${status === 0 ? 'ok' : 'failed'}, ${what}`)
  try {
    if (isWindows) spawnSync('taskkill', ['/pid', `${child.pid}`, '/t', '/f'])
    else process.kill(-child.pid, 'SIGTERM')
  } catch {
    // The process has ended by itself.
  }
  child.unref()
  process.exit(status)
}
