/** One of Ollama's, as the other dialects' messages become. */
export interface OllamaMessage {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string
  thinking?: string
  images?: string[]
  tool_calls?: object[]
  tool_name?: string
  tool_call_id?: string
}
