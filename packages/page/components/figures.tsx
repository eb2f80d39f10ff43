import type { Message } from '../chats/chat.ts'
import type { Run } from '../state/page-state.ts'
import { formatNumber, formatSeconds } from '../words/format.ts'
import { words } from '../words/words.ts'
import { toShortName } from './model-picker.tsx'

/**
 * Which model wrote the answer, the time to the first token, the speed, and the number of tokens.
 */
export function Figures({ message: { model, usage } }: { message: Message }) {
  const w = words.value
  return (
    <Line
      parts={[
        model && toShortName(model),
        usage?.firstTokenMs !== undefined && w.toFirstToken(formatSeconds(usage.firstTokenMs, w)),
        usage?.tokensPerSecond !== undefined && w.rate(formatNumber(usage.tokensPerSecond, w)),
        usage && w.tokens(formatNumber(usage.tokens, w)),
        usage?.promptTokens !== undefined && w.promptTokens(formatNumber(usage.promptTokens, w)),
      ]}
    />
  )
}

/** The figures of an answer that is still being written. */
export function LiveFigures({ run: { firstTokenMs, tokensPerSecond, tokens } }: { run: Run }) {
  const w = words.value
  if (firstTokenMs.value === undefined) return null
  const rate = tokensPerSecond.value
  return (
    <Line
      parts={[
        w.toFirstToken(formatSeconds(firstTokenMs.value, w)),
        rate !== undefined && w.rate(formatNumber(rate, w)),
        w.tokens(formatNumber(tokens.value, w)),
      ]}
    />
  )
}

function Line({ parts }: { parts: readonly (string | false | undefined)[] }) {
  return <p class="figures">{parts.filter(Boolean).join(' · ')}</p>
}
