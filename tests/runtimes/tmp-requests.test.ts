import { describe } from 'vitest'
const runtime = process.env.RT!
describe(runtime, async () => {
  for (const part of process.env.PARTS!.split(',')) {
    const module = await import(/* @vite-ignore */ './suite/' + part.toLowerCase() + '.ts')
    module['describe' + part](runtime)
  }
})
