import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import process from 'node:process'

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] })

/** A network of two machines, of which the other one is a namespace of this kernel, with a cable between them that can be pulled. */
export interface Cable {
  /** Our own address on it. */
  readonly address: string
  /** Runs a program on the other machine. */
  spawn(file: string, args: readonly string[]): ChildProcess
  /** From now on nothing arrives on either side, and nobody is told. */
  pull(): void
  remove(): void
}

/** @throws Error without root and iproute2 */
export function layCable(): Cable {
  const name = `sluice${process.pid}`
  const [ours, theirs] = [`${name}a`, `${name}b`]
  const [address, other] = ['198.18.0.1', '198.18.0.2'] // of a network for such tests (RFC 2544)
  const remove = () => {
    ip('link', 'delete', ours) // and the other end; the namespace alone takes its own away only some time later
    ip('netns', 'delete', name)
  }
  ip('netns', 'add', name)
  ip('link', 'add', ours, 'type', 'veth', 'peer', 'name', theirs, 'netns', name)
  ip('address', 'add', `${address}/30`, 'dev', ours)
  ip('link', 'set', ours, 'up')
  ip('-n', name, 'address', 'add', `${other}/30`, 'dev', theirs)
  ip('-n', name, 'link', 'set', theirs, 'up')
  return {
    address,
    spawn: (file, args) => spawn('ip', ['netns', 'exec', name, file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }),
    pull: () => void ip('-n', name, 'link', 'set', theirs, 'down'),
    remove,
  }
}
