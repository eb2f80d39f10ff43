import { loadRecording, recordingNames } from '#fake-ollama/recording.ts'
import { pick, type Random } from '../random.ts'
import { surfaces, type Surface } from '../surfaces.ts'
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
const bodies: readonly object[] = [...surfaces.map(({ body }) => body), ...recorded]
/**
 * Takes a good request of a surface, or a recorded request to a real Ollama, and spoils it in one
 * of many ways.
 */
export function toSpoiltRequest(random: Random): SpoiltRequest {
  const surface = pick(random, surfaces)
  const model = pick(random, [{ model: 'gemma3:270m' }, { model: 'gemma3:270m' }, {}])
  const good = random(10) === 0 ? pick(random, bodies) : { ...model, ...surface.body, ...(random(2) === 0 && surface.streams) }
  const json = Buffer.from(mutateJson(random, good, pick(random, bodies)))
  const body = random(4) === 0 ? mutateBytes(random, json, Buffer.from(JSON.stringify(pick(random, bodies)))) : json
  return { surface, body, accept: pick(random, accepts) }
}
