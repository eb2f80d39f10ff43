import { dialOnNode } from '../../../src/runtimes/node/dial.ts'
import { createTurns } from '../../../src/runtimes/turns.ts'
import { viaSockets } from '../../../src/upstreams/sockets/via-sockets.ts'
import { connectContract } from '../../contracts/connect.ts'

connectContract('node:net', () => viaSockets({ dial: dialOnNode, defer: createTurns() }))
