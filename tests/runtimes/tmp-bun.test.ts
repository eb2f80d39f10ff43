import { describe } from 'vitest'
import { describeBackpressure } from './suite/backpressure.ts'
import { describeDeadlines } from './suite/deadlines.ts'
import { describeFaults } from './suite/faults.ts'
import { describeLeaving } from './suite/leaving.ts'
import { describeUpstream } from './suite/upstream.ts'
describe('bun', () => {
  describeUpstream('bun')
  describeFaults('bun')
  describeLeaving('bun')
  describeDeadlines('bun')
  describeBackpressure('bun')
})
