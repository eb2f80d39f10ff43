import * as v from 'valibot'
import { string } from '../fields.ts'
import { toImage } from '../image.ts'
import { notSupported } from '../not-supported.ts'
import { toArguments } from '../tool-arguments.ts'
import { present } from '../present.ts'

const part = v.variant(
  'type',
  [
    v.object({ type: v.literal('text'), text: v.string() }),
    v.object({ type: v.literal('refusal'), refusal: v.string() }),
    v.object({
      type: v.literal('image_url'),
      image_url: v.union([v.string(), v.object({ url: v.string() })], 'Expected a URL'),
    }),
    v.object({ type: v.picklist(['input_audio', 'file', 'video_url']) }),
  ],
  'Expected "text" or "image_url"',
)
type Part = v.InferOutput<typeof part>

const parts = v.array(part, 'Expected a text or a list of parts')
const content = v.lazy((value): v.GenericSchema<string | Part[]> => (typeof value === 'string' ? v.string() : parts))

const toolCall = v.object({ id: string, function: v.object({ name: v.string(), arguments: v.string() }) })

const message = v.pipe(
  v.object({
    role: v.picklist(
      ['system', 'developer', 'user', 'assistant', 'tool', 'function'],
      'Expected "system", "developer", "user", "assistant" or "tool"',
    ),
    content: v.nullish(content),
    name: string,
    refusal: string,
    reasoning: string,
    reasoning_content: string,
    tool_calls: v.nullish(v.array(toolCall)),
    tool_call_id: string,
    function_call: v.nullish(v.unknown()),
    audio: v.nullish(v.unknown()),
  }),
  v.check(({ role, content }) => role === 'assistant' || (content ?? undefined) !== undefined, 'Expected a content'),
)
type Message = v.InferOutput<typeof message>

/** None would load the model instead (docs/ollama.md §1). */
export const messages = v.pipe(v.array(message), v.minLength(1, 'Expected at least one message'))

/** A conversation as Ollama takes it. @throws ServiceError `not_supported`, `invalid_request` */
export function toMessages(all: readonly Message[]) {
  const names = new Map<string, string>() // of the tools called so far, by the call's id
  return all.map((one, i) => toMessage(one, `messages.${i}`, names))
}

function toMessage(message: Message, path: string, names: Map<string, string>) {
  const { role, name, tool_call_id: id } = message
  if (role === 'function') throw notSupported(`${path}.role`, 'send what a tool gave with the role "tool"')
  if (message.function_call) throw notSupported(`${path}.function_call`, 'send it as tool_calls')
  if (message.audio) throw notSupported(`${path}.audio`, 'Ollama takes texts and images')
  const calls = toCalls(message, path)
  for (const call of calls) if (call.id) names.set(call.id, call.function.name)
  return present({
    role: role === 'developer' ? 'system' : role,
    ...toContent(message.content ?? message.refusal ?? '', `${path}.content`),
    thinking: message.reasoning_content ?? message.reasoning,
    tool_calls: calls.length > 0 ? calls : undefined,
    ...(role === 'tool' && { tool_name: names.get(id ?? '') ?? name, tool_call_id: id }),
  })
}

function toCalls({ tool_calls }: Message, path: string) {
  return (tool_calls ?? []).map(({ id, function: { name, arguments: text } }, i) => ({
    ...(id && { id }),
    function: { name, arguments: toArguments(text, `${path}.tool_calls.${i}.function.arguments`) },
  }))
}

/** Ollama has one text and a list of images: the texts as paragraphs, the images in order. */
function toContent(content: string | readonly Part[], path: string) {
  if (typeof content === 'string') return { content }
  const texts: string[] = []
  const images: string[] = []
  for (const [i, part] of content.entries()) {
    if (part.type === 'text') texts.push(part.text)
    else if (part.type === 'refusal') texts.push(part.refusal)
    else if (part.type === 'image_url') images.push(toImage(toUrl(part.image_url), `${path}.${i}.image_url`))
    else throw notSupported(`${path}.${i}`, 'Ollama takes texts and images')
  }
  return { content: texts.join('\n'), ...(images.length > 0 && { images }) }
}

function toUrl(image: string | { readonly url: string }): string {
  return typeof image === 'string' ? image : image.url
}
