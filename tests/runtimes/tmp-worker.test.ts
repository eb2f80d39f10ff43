import { describe } from 'vitest'
import { describeBackpressure } from './suite/backpressure.ts'
import { describeDeadlines } from './suite/deadlines.ts'
import { describeFaults } from './suite/faults.ts'
import { describeLeaving } from './suite/leaving.ts'
import { describeUpstream } from './suite/upstream.ts'
describe('worker', () => {
  describeUpstream('worker')
  describeFaults('worker')
  describeLeaving('worker')
  describeDeadlines('worker')
  describeBackpressure('worker')
})
