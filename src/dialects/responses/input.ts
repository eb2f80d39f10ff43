import * as v from 'valibot'
import { string } from '../fields.ts'
import { other } from './other.ts'

const part = v.variant(
  'type',
  [
    v.object({ type: v.picklist(['input_text', 'output_text']), text: v.string() }),
    v.object({ type: v.literal('refusal'), refusal: v.string() }),
    v.object({ type: v.literal('input_image'), image_url: string, file_id: string }),
    other('input_text', 'output_text', 'refusal', 'input_image'),
  ],
  'Expected "input_text", "output_text", "refusal" or "input_image"',
)

export type ImagePart = Extract<v.InferOutput<typeof part>, { type: 'input_image' }>

/** Which of the two it is decides what is wrong with it: a union would only say that it is neither. */
const textOr = <const TList extends v.GenericSchema>(list: TList) =>
  v.lazy((value): v.GenericSchema<string | v.InferOutput<TList>> => (typeof value === 'string' ? v.string() : list))

const content = textOr(v.array(part, 'Expected a text or a list of parts'))
export type Content = v.InferOutput<typeof content>

const texts = v.nullish(v.array(v.object({ text: v.string() })))

const item = v.variant(
  'type',
  [
    v.object({
      type: v.nullish(v.literal('message'), 'message'),
      role: v.picklist(['user', 'assistant', 'system', 'developer'], 'Expected "user", "assistant", "system" or "developer"'),
      content,
    }),
    v.object({ type: v.literal('reasoning'), summary: texts, content: texts }),
    v.object({ type: v.literal('function_call'), call_id: v.string(), name: v.string(), arguments: v.string() }),
    v.object({ type: v.literal('function_call_output'), call_id: v.string(), output: content }),
    other('message', 'reasoning', 'function_call', 'function_call_output'),
  ],
  'Expected "message", "reasoning", "function_call" or "function_call_output"',
)
export type Item = v.InferOutput<typeof item>

/** A text, or what was said so far. None of it would load the model instead (docs/ollama.md §1). */
export const input = textOr(
  v.pipe(
    v.array(item, 'Expected a text or a list of items'),
    v.check((items) => items.some(({ type }) => type !== 'reasoning'), 'Expected at least one message'),
  ),
)
