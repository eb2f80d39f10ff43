import type { ChatSummary } from '../state/page-state.ts'

export interface ChatGroup {
  readonly age: 'today' | 'yesterday' | 'thisWeek' | 'earlier'
  readonly chats: readonly ChatSummary[]
}

/** Groups chats by calendar day. */
export function toGroups(chats: readonly ChatSummary[], now: number): ChatGroup[] {
  const midnight = new Date(now).setHours(0, 0, 0, 0)
  const daysAgo = (days: number) => new Date(midnight).setDate(new Date(midnight).getDate() - days)
  const since = { today: midnight, yesterday: daysAgo(1), thisWeek: daysAgo(6), earlier: -Infinity }
  const ages = ['today', 'yesterday', 'thisWeek', 'earlier'] as const
  const toAge = ({ updatedAt }: ChatSummary) => ages.find((age) => updatedAt >= since[age])!
  return ages
    .map((age) => ({ age, chats: chats.filter((chat) => toAge(chat) === age) }))
    .filter(({ chats }) => chats.length > 0)
}
