import type { Data } from '#page/status/data.ts'

const dayHour = Date.UTC(2026, 10, 25, 9, 14)

/** A busy hour of two Ollamas, one of which has just died. It never changes. */
export const example: Data = {
  time: '2026-11-25T09:14:20.000Z',
  shared: false,
  open: 6,
  waiting: 2,
  streams: [
    {
      request_id: 'a',
      key: 'alice',
      surface: 'openai',
      model: 'qwen3:8b',
      host: 'big',
      state: 'streaming',
      tokens: 1204,
      age_ms: 31_800,
      ttft_ms: 640,
    },
    {
      request_id: 'b',
      key: 'ci',
      surface: 'native',
      model: 'qwen3:8b',
      host: 'big',
      state: 'detached',
      tokens: 388,
      age_ms: 11_200,
      ttft_ms: 810,
    },
    {
      request_id: 'c',
      key: 'bob',
      surface: 'anthropic',
      model: 'gemma3:27b',
      host: 'big',
      state: 'loading',
      tokens: 0,
      age_ms: 9400,
    },
    { request_id: 'd', key: 'bob', surface: 'ai-sdk', state: 'waiting', tokens: 0, age_ms: 2100 },
    { request_id: 'e', key: 'ci', surface: 'native', model: 'qwen3:8b', state: 'queued', tokens: 0, age_ms: 1300 },
    { request_id: 'f', key: 'ci', surface: 'native', model: 'qwen3:8b', state: 'queued', tokens: 0, age_ms: 700 },
  ],
  hosts: [
    {
      name: 'big',
      tier: 1,
      up: true,
      breaker: 'closed',
      in_flight: 3,
      max: 4,
      loaded: ['qwen3:8b', 'hf.co/unsloth/gemma-3-27b-it-GGUF:UD-Q4_K_XL'],
    },
    { name: 'small', tier: 2, up: false, breaker: 'open', in_flight: 0, max: 1, loaded: [] },
    { name: 'attic', tier: 2, up: true, breaker: 'half_open', in_flight: 1, max: 0, loaded: ['smollm2:135m'] },
  ],
  minutes: Array.from({ length: 60 }, (_, i) => {
    const wave = Math.sin(i / 9) + Math.sin(i * 2.4) / 3
    const requests = i < 6 ? 0 : Math.max(0, Math.round(9 + 6 * wave))
    const half = 420 + 160 * wave + (i > 50 ? 1900 : 0)
    return {
      at: new Date(dayHour - (59 - i) * 60_000).toISOString(),
      requests,
      failures: i > 50 ? Math.min(requests, Math.round((i - 50) / 3)) : 0,
      tokens: requests * (310 + Math.round(120 * wave)),
      ...(requests > 0 && { ttft_p50_ms: Math.round(half), ttft_p95_ms: Math.round(half * 2.3) }),
    }
  }),
  failures: [
    {
      time: '2026-11-25T09:14:12.000Z',
      count: 1,
      route: '/v1/chat/completions',
      surface: 'openai',
      key: 'alice',
      model: 'qwen3:8b',
      host: 'small',
      code: 'upstream_unreachable',
      cause: 'ECONNREFUSED',
    },
    {
      time: '2026-11-25T09:13:58.000Z',
      count: 14,
      route: '/api/chat',
      key: 'ci',
      code: 'rate_limited',
    },
    {
      time: '2026-11-25T09:02:31.000Z',
      count: 1,
      route: '/v1/messages',
      surface: 'anthropic',
      key: 'bob',
      model: 'gemma3:27b',
      host: 'big',
      code: 'upstream_failed',
    },
  ],
}
