import { expect, test } from 'vitest'
import { parseOllamaHost } from '#ollama-grammar/host.ts'

// The first rows are Ollama's own table (envconfig/config_test.go, TestHost). Unlike in Ollama, a
// missing host means this machine.
test.each([
  ['', 'http://127.0.0.1:11434'],
  ['1.2.3.4', 'http://1.2.3.4:11434'],
  [':1234', 'http://127.0.0.1:1234'],
  ['1.2.3.4:1234', 'http://1.2.3.4:1234'],
  ['example.com', 'http://example.com:11434'],
  ['example.com:1234', 'http://example.com:1234'],
  [':66000', 'http://127.0.0.1:11434'],
  [':-1', 'http://127.0.0.1:11434'],
  ['[::1]', 'http://[::1]:11434'],
  ['[::]', 'http://[::1]:11434'],
  ['::1', 'http://[::1]:11434'],
  ['::', 'http://[::1]:11434'],
  ['[::1]:1337', 'http://[::1]:1337'],
  [' 1.2.3.4 ', 'http://1.2.3.4:11434'],
  ['"1.2.3.4"', 'http://1.2.3.4:11434'],
  [' " 1.2.3.4 " ', 'http://1.2.3.4:11434'],
  ["'1.2.3.4'", 'http://1.2.3.4:11434'],
  ['http://1.2.3.4', 'http://1.2.3.4'],
  ['http://1.2.3.4:4321', 'http://1.2.3.4:4321'],
  ['https://1.2.3.4', 'https://1.2.3.4'],
  ['https://1.2.3.4:4321', 'https://1.2.3.4:4321'],
  ['https://example.com/ollama', 'https://example.com/ollama'],
  ['ollama.com', 'https://ollama.com'],

  ['0.0.0.0', 'http://127.0.0.1:11434'],
  ['0.0.0.0:1234', 'http://127.0.0.1:1234'],
  ['http://0.0.0.0', 'http://127.0.0.1'],
  ['ollama.com:1234', 'http://ollama.com:1234'],
  ['http://ollama.com', 'http://ollama.com'],
  ['1.2.3.4:', 'http://1.2.3.4:11434'],
  ['1.2.3.4:port', 'http://1.2.3.4:11434'],
  ['http://1.2.3.4:port', 'http://1.2.3.4'],
  ['https://example.com:99999', 'https://example.com'],
  ['example.com/ollama', 'http://example.com:11434/ollama'],
  ['http://example.com:8080/a/b/', 'http://example.com:8080/a/b'],
  ['http://example.com///', 'http://example.com'],
  ['fe80::1', 'http://[fe80::1]:11434'],
  ['http://', 'http://127.0.0.1'],
])('%j is %s', (value, url) => {
  expect(parseOllamaHost(value)).toBe(url)
})

test.each([
  'ftp://example.com',
  'unix:///run/ollama.sock',
  'HTTPX://example.com',
  'http://user@example.com',
  'http://user:secret@example.com',
  'user:secret@example.com',
  'http://exa mple.com',
  'http://example.com?a=b',
  'http://example.com/?a=b',
  'http://example.com/#a',
  'http://exa%00mple.com',
  'http://[::1',
  'http://[zz]',
  '[::1]x',
  'a:b:c',
  '1:2:3',
  'a\\b',
])('%j is refused', (value) => {
  expect(parseOllamaHost(value)).toBeUndefined()
})
