import { describe } from 'vitest'
import { describeBackpressure } from './suite/backpressure.ts'
import { describeDeadlines } from './suite/deadlines.ts'
import { describeFaults } from './suite/faults.ts'
import { describeLeaving } from './suite/leaving.ts'
import { describeUpstream } from './suite/upstream.ts'
describe('node', () => {
  describeUpstream('node')
  describeFaults('node')
  describeLeaving('node')
  describeDeadlines('node')
  describeBackpressure('node')
})
