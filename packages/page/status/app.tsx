import { effect, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { languages, language } from '../words/language.ts'
import { formatSeconds } from '../words/format.ts'
import { theme } from '../storage/theme.ts'
import type { Data } from './data.ts'
import { Failures } from './failures.tsx'
import { Figures } from './figures.tsx'
import { Gate } from './gate.tsx'
import { Hosts } from './hosts.tsx'
import { Hour } from './hour.tsx'
import { Running } from './running.tsx'
import { data, forgetKey, hasKey, lostSince, refusal } from './watch.ts'
import { words } from './words.ts'

export function App() {
  // A screen reader is told only what the user has caused, because the figures never rest.
  const said = useSignal('')
  const w = words.value
  const known = data.value

  // This effect never ends, because the component lives as long as the page.
  useEffect(showOutside, [])
  return (
    <>
      <header class="top">
        <h1>
          <span class="brand">Sluice</span> {w.title}
        </h1>
        {known && <Pulse />}
        <a class="button" href=".">
          {w.chat}
        </a>
      </header>
      <main>{refusal.value ? <Gate reason={refusal.value} /> : known ? <All data={known} said={said} /> : <Waiting />}</main>
      <footer class="bottom">
        <Select label={w.language} options={languages} value={language.value} onChoose={(to) => (language.value = to)} />
        <Select
          label={w.colours}
          options={{ 'light dark': w.asSystem, light: w.light, dark: w.dark }}
          value={theme.value}
          onChoose={(to) => (theme.value = to)}
        />
        {hasKey.value && !refusal.value && (
          <button type="button" class="button" onClick={forgetKey}>
            {w.forget}
          </button>
        )}
      </footer>
      <p class="hidden" role="status">
        {said.value}
      </p>
    </>
  )
}

function All({ data, said }: { data: Data; said: { value: string } }) {
  const w = words.value
  return (
    <>
      {lostSince.value !== undefined && <Lost since={lostSince.value} />}
      {data.shared && <p class="lead">{w.shared}</p>}
      <Figures data={data} />
      <Running data={data} say={(text) => (said.value = text)} />
      {data.hosts.length > 0 && <Hosts hosts={data.hosts} />}
      <Hour minutes={data.minutes} />
      <Failures failures={data.failures} />
    </>
  )
}

/** Says before the first answer that the page waits for it, or that the server does not answer. */
function Waiting() {
  const w = words.value
  return lostSince.value === undefined ? <p class="lead">{w.loading}</p> : <p class="lead danger">{w.lost}</p>
}

function Pulse() {
  const w = words.value
  const isLost = lostSince.value !== undefined
  return (
    <p class="pulse">
      <span class={isLost ? 'dot is-bad' : 'dot is-running'} />
      {isLost ? w.lost : w.live}
    </p>
  )
}

function Lost({ since }: { since: number }) {
  const w = words.value
  return (
    <p class="notice" role="alert">
      {w.lostHint(formatSeconds(performance.now() - since, w, false))}
    </p>
  )
}

interface SelectProps<Value extends string> {
  readonly label: string
  readonly options: Readonly<Record<Value, string>>
  readonly value: Value
  readonly onChoose: (value: Value) => void
}

function Select<Value extends string>({ label, options, value, onChoose }: SelectProps<Value>) {
  return (
    <label class="select">
      <span>{label}</span>
      <select class="field" value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value as Value)}>
        {(Object.keys(options) as Value[]).map((option) => (
          <option key={option} value={option}>
            {options[option]}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Applies the state to the document: its language, colours and title. */
function showOutside() {
  effect(() => {
    const w = words.value
    document.documentElement.lang = w.tag
    document.documentElement.style.colorScheme = theme.value
    document.title = `${w.title} – Sluice`
  })
}
