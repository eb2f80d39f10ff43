import { beforeEach, describe, expect, test } from 'vitest'
import { eventStream } from '../../src/encoders/sse.ts'
import type { ServiceError } from '../../src/errors.ts'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import { createRuns, type OwnRun, type Runs } from '../../src/streams/runs.ts'

/** The codes with which runs were stopped, by the id of their request. */
let stopped: [requestId: string, code: string][]
let runs: Runs

beforeEach(() => {
  stopped = []
  runs = createRuns({
    logs: createMemoryLogs({ runBytes: 1e6, totalBytes: 1e6 }),
    maxDetached: 4,
    keepMs: 60_000,
    now: () => performance.now(),
  })
})

function start(requestId: string, chat: string | undefined, owner = 'alice'): OwnRun {
  return runs.start({
    owner,
    caller: owner,
    requestId,
    encoder: { ...eventStream, headers: {}, start: () => () => {} },
    graceMs: 60_000,
    ...(chat !== undefined && { chat }),
    stop: (error: ServiceError) => void stopped.push([requestId, error.code]),
  })!
}
/** Ends a run as the routes do: its log gets a last frame. */
function end(run: OwnRun) {
  run.log.append(['data: [DONE]\n\n'])
  run.log.close()
  run.finish()
}

describe('the runs of a chat', () => {
  test('are found by the owner’s name for them, the last one only', async () => {
    const first = start('1', 'c')
    expect(await runs.findChat('c', 'alice')).toBe(first)
    const second = start('2', 'c')
    start('3', 'd')
    start('4', undefined)
    expect(await runs.findChat('c', 'alice')).toBe(second)
    expect(await runs.findChat('undefined', 'alice')).toBeUndefined()
  })

  test('are not found by another owner, whatever the names contain', async () => {
    start('1', 'c')
    const ofNobody = start('2', 'c', '')
    expect(await runs.findChat('c', 'bob')).toBeUndefined()
    expect(await runs.findChat('c', '')).toBe(ofNobody)
    start('3', 'x","y', 'a')
    expect(await runs.findChat('y', 'a","x')).toBeUndefined()
  })

  test('are found after their end, until a viewer has read the end', async () => {
    const run = start('1', 'c')
    const [leaves, reads] = [run.join(), run.join()]
    end(run)
    leaves(false)
    expect(await runs.findChat('c', 'alice')).toBe(run)
    reads(true)
    expect(await runs.findChat('c', 'alice')).toBeUndefined()
    expect(await runs.find(run.log.id, 'alice')).toBe(run)
  })

  test('hide no later run when an earlier one is read, stopped or erased', async () => {
    const [read, erased] = [start('1', 'c'), start('2', 'c')]
    const last = start('3', 'c')
    end(read)
    read.join()(true)
    void erased.stop()
    end(erased)
    void erased.stop()
    expect(await runs.find(erased.log.id, 'alice')).toBeUndefined()
    expect(await runs.findChat('c', 'alice')).toBe(last)
  })

  test('are all stopped by the owner’s stop, which is not repeated and erases nothing', async () => {
    const finished = start('1', 'c')
    end(finished)
    start('2', 'c')
    start('3', 'c', 'bob')
    start('4', 'd')
    start('5', 'c')
    await runs.stopChat('c', 'alice')
    expect(stopped).toEqual([
      ['2', 'cancelled'],
      ['5', 'cancelled'],
    ])
    expect(await runs.findChat('c', 'alice')).toBeUndefined()
    expect(await runs.findChat('c', 'bob')).toBeDefined()
    expect(await runs.find(finished.log.id, 'alice')).toBe(finished)
    await runs.stopChat('nobody', 'alice')
    expect(stopped).toHaveLength(2)
  })

  test('that end without a frame are forgotten, and a viewer does not wait for ever', async () => {
    const run = start('1', 'c')
    let rings = 0
    run.log.onMore(() => rings++)
    run.finish()
    expect(await runs.findChat('c', 'alice')).toBeUndefined()
    expect(rings).toBe(1)
    expect(run.log.read(-1)).toBe('dropped')
  })
})
