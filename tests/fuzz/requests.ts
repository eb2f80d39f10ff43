import { loadRecording, recordingNames } from '#fake-ollama/recording.ts'
import type { Random } from '../random.ts'
import type { Surface } from '../surfaces.ts'
import { mutateBytes, mutateJson } from './mutate.ts'

export interface SpoiltRequest {
  readonly surface: Surface
  readonly body: Uint8Array
  readonly accept: string
}

const accepts = ['text/event-stream', 'application/x-ndjson', '*/*', 'application/json;q=0.5, text/event-stream;q=0.1', '']
const recorded = recordingNames()
  .map((name) => loadRecording(name).request.body)
  .filter((body) => typeof body === 'object' && body !== null)

/**
 * Returns a request to one of the routes. Its body is a randomly changed copy of a good body for
 * this route, of a good body for another route, or of a body that was recorded with a real Ollama.
 */
export function toSpoiltRequest(random: Random, surfaces: readonly Surface[]): SpoiltRequest {
  const bodies: readonly object[] = [...surfaces.map(({ body }) => body), ...recorded]
  const surface = random.pick(surfaces)
  const model = random.pick([{ model: 'gemma3:270m' }, { model: 'gemma3:270m' }, {}])
  const good = random(10) === 0 ? random.pick(bodies) : { ...model, ...surface.body, ...(random(2) === 0 && surface.streams) }
  const json = Buffer.from(mutateJson(random, good, random.pick(bodies)))
  const body = random(4) === 0 ? mutateBytes(random, json, Buffer.from(JSON.stringify(random.pick(bodies)))) : json
  return { surface, body, accept: random.pick(accepts) }
}
