import { describe } from 'vitest'
describe('bun', async () => {
  const name = process.env.PART!
  const module = await import(/* @vite-ignore */ './suite/' + name.toLowerCase() + '.ts')
  module['describe' + name]('bun')
})
