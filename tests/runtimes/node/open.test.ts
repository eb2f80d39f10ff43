import { openOnNode } from '../../../src/runtimes/node/open.ts'
import { openContract } from '../../contracts/open.ts'

openContract('Node', openOnNode, { cuts: true })
