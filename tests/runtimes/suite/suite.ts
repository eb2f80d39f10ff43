import { describe } from 'vitest'
import type { RuntimeName } from '../server.ts'
import { describeAgents } from './agents.ts'
import { describeAssets } from './assets.ts'
import { describeAccess } from './access.ts'
import { describeBackgroundResponses } from './background-responses.ts'
import { describeBrokenHttp } from './broken-http.ts'
import { describeFaults } from './faults.ts'
import { describeLimits } from './limits.ts'
import { describeKeys } from './keys.ts'
import { describeKeyedClients } from './keyed-clients.ts'
import { describeLeaving } from './leaving.ts'
import { describeDeadlines } from './deadlines.ts'
import { describeBackpressure } from './backpressure.ts'
import { describeBudgets } from './budgets.ts'
import { describeUpstream } from './upstream.ts'
import { describeUsage } from './usage.ts'
import { describeRoutes } from './routes.ts'
import { describeNative } from './native.ts'
import { describeResumeAsking } from './resume-asking.ts'
import { describeResumeRoutes } from './resume-routes.ts'
import { describeResumePosts } from './resume-posts.ts'
import { describeResumeCuts } from './resume-cuts.ts'
import { describeResumeLives } from './resume-lives.ts'
import { describeSharedQuestions } from './shared-questions.ts'
import { describeStatus } from './status.ts'
import { describeStatusPage } from './status-page.ts'
import { describeStreamTokens } from './stream-tokens.ts'
import { describeTelemetry } from './telemetry.ts'
import { describeText } from './text.ts'
import { describeThink } from './think.ts'
import { describePlain } from './plain.ts'
import { describeErrors } from './errors.ts'
import { describeRequests } from './requests.ts'
import { describeNumbers } from './numbers.ts'
import { describeHosts } from './hosts.ts'
import { describeHttp } from './http.ts'
import { describeIgnored } from './ignored.ts'
import { describeReports } from './reports.ts'
import { describeMoreReports } from './more-reports.ts'
import { describeOddRequests } from './odd-requests.ts'
import { describeSmuggling } from './smuggling.ts'
import { describeClients } from './clients.ts'
import { describeAiSdk } from './ai-sdk.ts'
import { describeAiSdkResume } from './ai-sdk-resume.ts'
import { describeSseReaders } from './sse-readers.ts'
import { describeAnthropic } from './anthropic.ts'
import { describeAnthropicErrors } from './anthropic-errors.ts'
import { describeAnthropicRequests } from './anthropic-requests.ts'
import { describeOpenAI } from './openai.ts'
import { describeOpenAIClients } from './openai-clients.ts'
import { describeOpenAIErrors } from './openai-errors.ts'
import { describeOpenAIRequests } from './openai-requests.ts'
import { describeOpenWebUI } from './open-webui.ts'
import { describeResponses } from './responses.ts'
import { describeResponsesRequests } from './responses-requests.ts'
import { describeOllama } from './ollama.ts'
import { describeManagement } from './management.ts'
import { describeLargeBlobs } from './large-blobs.ts'
import { describeCodings } from './codings.ts'
import { describeCancel } from './cancel.ts'
import { describeOllamaClients } from './ollama-clients.ts'

/**
 * The black-box suite, which tests every sentence of the wire contract on each runtime. The tests
 * that have limits in milliseconds are in `describeTiming` instead. So other test files may run at
 * the same time as these tests.
 */
export function describeRuntime(runtime: RuntimeName) {
  describe(runtime, () => {
    describeRoutes(runtime)
    describeAssets(runtime)
    describeAccess(runtime)
    describeKeys(runtime)
    describeStatusPage(runtime)
    describeLimits(runtime)
    describeUsage(runtime)
    describeStreamTokens(runtime)
    describeBudgets(runtime)
    describeNative(runtime)
    describeStatus(runtime)
    describeResumeAsking(runtime)
    describeResumeRoutes(runtime)
    describeResumePosts(runtime)
    describeResumeCuts(runtime)
    describeResumeLives(runtime)
    describeSharedQuestions(runtime)
    describeTelemetry(runtime)
    describeText(runtime)
    describeThink(runtime)
    describePlain(runtime)
    describeErrors(runtime)
    describeRequests(runtime)
    describeNumbers(runtime)
    describeHttp(runtime)
    describeIgnored(runtime)
    describeReports(runtime)
    describeMoreReports(runtime)
    describeOddRequests(runtime)
    describeSmuggling(runtime)
    describeUpstream(runtime)
    describeBrokenHttp(runtime)
    describeLeaving(runtime)
    describeClients(runtime)
    describeSseReaders(runtime)
    describeAiSdk(runtime)
    describeAiSdkResume(runtime)
    describeAnthropic(runtime)
    describe('anthropic', () => {
      describeAnthropicErrors(runtime)
      describeAnthropicRequests(runtime)
    })
    describeOpenAI(runtime)
    describe('openai', () => {
      describeOpenAIRequests(runtime)
      describeOpenAIErrors(runtime)
      describeOpenAIClients(runtime)
    })
    describeOpenWebUI(runtime)
    describeResponses(runtime)
    describe('responses', () => {
      describeResponsesRequests(runtime)
      describeBackgroundResponses(runtime)
    })
    describeOllama(runtime)
    describeManagement(runtime)
    describeHosts(runtime)
    describeLargeBlobs(runtime)
    describeCancel(runtime)
    describeOllamaClients(runtime)
    describeKeyedClients(runtime)
    describeAgents(runtime)
  })
}

/**
 * The tests of the suite that have limits in milliseconds. No other test file may run at the same
 * time.
 */
export function describeTiming(runtime: RuntimeName) {
  describe(runtime, () => {
    describeCodings(runtime)
    describeFaults(runtime)
    describeDeadlines(runtime)
    describeBackpressure(runtime)
  })
}
