import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import process from 'node:process'

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] })

/**
 * A network between this machine and another machine, with a cable that can be pulled. The other
 * machine is a network namespace of this kernel.
 */
export interface Cable {
  /** Our address on the network. */
  readonly address: string
  /** Runs a program on the other machine. */
  spawn(file: string, args: readonly string[]): ChildProcess
  /** Pulls the cable. Packets are lost from then on, and neither side is notified. */
  pull(): void
  remove(): void
}

/** @throws Error without root and iproute2 */
export function layCable(): Cable {
  const name = `sluice${process.pid}`
  const [ours, theirs] = [`${name}a`, `${name}b`]
  // RFC 2544 reserves these addresses for tests.
  const [address, other] = ['198.18.0.1', '198.18.0.2']
  const remove = () => {
    // Deletes both ends of the cable immediately. If we deleted only the namespace, the kernel
    // would delete the cable some time later.
    ip('link', 'delete', ours)
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
