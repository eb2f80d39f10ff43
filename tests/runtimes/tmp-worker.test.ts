import { describe } from 'vitest'
describe('worker', async () => {
  const name = process.env.PART!
  const module = await import(/* @vite-ignore */ './suite/' + name.toLowerCase() + '.ts')
  module['describe' + name]('worker')
})
