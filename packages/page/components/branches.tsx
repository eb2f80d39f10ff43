import { words } from '../words/words.ts'
import { IconButton } from './icon-button.tsx'
import { usePage } from './page.ts'

/** The buttons that switch between the versions of a message: ‹ 2/3 ›. */
export function Branches({ id, index, count }: { id: string; index: number; count: number }) {
  const page = usePage()
  const w = words.value
  if (count < 2) return null
  const isBusy = page.run.value !== undefined
  return (
    <div class="branches" role="group" aria-label={w.branch(String(index), String(count))}>
      <IconButton icon="left" label={w.before} disabled={isBusy || index === 1} onClick={() => page.choose(id, -1)} />
      <span>
        {index}/{count}
      </span>
      <IconButton icon="right" label={w.after} disabled={isBusy || index === count} onClick={() => page.choose(id, 1)} />
    </div>
  )
}
