import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { json, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { askToResume, generate, read, readAll } from '../runtimes/reader.ts'
import { useStage } from '../runtimes/server.ts'
import { root } from './image.ts'

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[]
}

const dashboard = JSON.parse(readFileSync(`${root}deploy/observe/grafana/sluice.json`, 'utf8')) as Dashboard
const { groups } = parse(readFileSync(`${root}deploy/observe/alerts.yml`, 'utf8')) as Rules

/** Every expression of PromQL, by the title of its panel or the name of its alert. */
const expressions: readonly (readonly [title: string, expression: string])[] = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
  ...dashboard.templating.list.flatMap(({ name, definition }) => (definition ? [[name, definition] as const] : [])),
  ...groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const)),
]

/** The series that an expression asks for, each with the labels that it names. */
function toAsked(expression: string): { readonly name: string; readonly labels: readonly string[] }[] {
  const series = /(?:\bby \(([^)]*)\) \((?:rate\()?)?\b(sluice_\w+)(?:\{([^}]*)\})?/g
  return [...expression.matchAll(series)].map(([, by, name = '', selector = '']) => ({
    name,
    labels: [...(by?.split(', ') ?? []), ...[...selector.matchAll(/(\w+)[=!]/g)].map(([, label = '']) => label)],
  }))
}

/** Labels that Prometheus itself adds to each series. */
const ofPrometheus = ['instance', 'job']

const stage = useStage('node', { SLUICE_OPERATOR: '1', SLUICE_UPSTREAM_STREAMS: '8', SLUICE_GRACE_MS: '0' })

/** Lets one request end in each way that a metric counts. */
async function makeTraffic() {
  const { server, upstream } = stage
  await readAll(read(server, { path: '/api/ps' }))
  await readAll(generate(server, 'sse', upstream.script(tokens({ count: 5 }))))
  await readAll(generate(server, 'sse', upstream.script(json({ error: 'no' }, 500))))
  const leaver = generate(server, 'sse', upstream.script(thenSilent(1)))
  await leaver.until((text) => text.includes(' token'))
  leaver.leave()
  const answer = await readAll(askToResume(stage, upstream.script(tokens({ count: 2 }))))
  await readAll(read(server, { path: answer.headers['content-location']! }))
  await expect.poll(() => upstream.open).toBe(0)
}

test('each series that the dashboard or an alert asks for is in a scrape, with its labels', async () => {
  await makeTraffic()
  const { status, text } = await readAll(read(stage.server, { path: '/metrics' }))
  expect(status).toBe(200)
  const found = new Map<string, Set<string>>()
  for (const [, name = '', labels = ''] of text.matchAll(/^(sluice_\w+)(?:\{(.*)\})? /gm)) {
    const known = found.get(name) ?? new Set<string>()
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
    found.set(name, known)
  }
  const missing = expressions.flatMap(([title, expression]) =>
    toAsked(expression).flatMap(({ name, labels }) => {
      const known = found.get(name)
      if (!known) return [`${title}: ${name}`]
      return labels
        .filter((label) => !known.has(label) && !ofPrometheus.includes(label))
        .map((label) => `${title}: ${name}{${label}}`)
    }),
  )
  expect(missing).toEqual([])
  expect(expressions.length).toBeGreaterThan(25)
})

test('docs/deploy.md lists the alerts', () => {
  const listed = [...readFileSync(`${root}docs/deploy.md`, 'utf8').matchAll(/^\| `(Sluice\w+)` \|/gm)].map(([, name]) => name)
  expect(listed).toEqual(groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)))
})

test('the panels have ids of their own, and do not overlap', () => {
  const { panels } = dashboard
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  for (const {
    gridPos: { x, w },
  } of panels)
    expect(x + w).toBeLessThanOrEqual(24)
})
