import { describe } from 'vitest'
import { registerPairs } from '../runtimes/server.ts'
import { describeAiSdkResume } from '../runtimes/suite/ai-sdk-resume.ts'
import { describeBackgroundResponses } from '../runtimes/suite/background-responses.ts'
import { describeBudgets } from '../runtimes/suite/budgets.ts'
import { describeResumeAsking } from '../runtimes/suite/resume-asking.ts'
import { describeResumeCuts } from '../runtimes/suite/resume-cuts.ts'
import { describeResumeLives } from '../runtimes/suite/resume-lives.ts'
import { describeResumePosts } from '../runtimes/suite/resume-posts.ts'
import { describeResumeRoutes } from '../runtimes/suite/resume-routes.ts'
import { startPair } from './pair.ts'

registerPairs(startPair)

describe.each(['pair of node', 'pair of bun'] as const)('%s', (pair) => {
  describeResumeAsking(pair)
  describeResumeRoutes(pair)
  describeResumePosts(pair)
  describeResumeCuts(pair)
  describeResumeLives(pair)
  describeBackgroundResponses(pair)
  describeAiSdkResume(pair)
  describeBudgets(pair)
})
