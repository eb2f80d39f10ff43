import { expect, test } from 'vitest'
import { createLogSink } from '../../src/runtimes/log-sink.ts'

/** A fake standard output. A write completes only when the test says so. */
function createOutput() {
  const texts: string[] = []
  const waiting: (() => void)[] = []
  return {
    texts,
    take: () => waiting.splice(0).forEach((onTaken) => onTaken()),
    errorListeners: 0,
    on() {
      this.errorListeners++
    },
    write(text: string, onTaken: () => void) {
      texts.push(text)
      waiting.push(onTaken)
      return false
    },
  }
}

function createSink(maxWaiting: number) {
  const output = createOutput()
  const dropped: number[] = []
  return { output, dropped, sink: createLogSink({ output, maxWaiting, onDropped: (count) => dropped.push(count) }) }
}

test('each line ends with a line feed', () => {
  const { output, sink } = createSink(100)
  sink.write('one')
  sink.write('two')
  expect(output.texts).toEqual(['one\n', 'two\n'])
})

test('lines beyond the buffer limit are dropped, and their number is logged once there is room again', () => {
  const { output, dropped, sink } = createSink(8)
  for (const line of ['four', 'more', 'lost', 'too']) sink.write(line)
  expect(output.texts).toEqual(['four\n', 'more\n'])
  expect(dropped).toEqual([])
  output.take()
  expect(dropped).toEqual([2])
  sink.write('back')
  output.take()
  expect(output.texts).toEqual(['four\n', 'more\n', 'back\n'])
  expect(dropped).toEqual([2])
})

test('an output that is closed has a listener: its error would end the process', () => {
  expect(createSink(8).output.errorListeners).toBe(1)
})

test('a flush ends once all lines are written, or after the time limit', async () => {
  const { output, sink } = createSink(8)
  await sink.flush(1e6)
  sink.write('one')
  sink.write('two')
  let isFlushed = false
  const flushed = sink.flush(1e6).then(() => (isFlushed = true))
  await Promise.resolve()
  expect(isFlushed).toBe(false)
  output.take()
  await flushed

  sink.write('three')
  await sink.flush(1)
})
