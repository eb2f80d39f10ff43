import { describe } from 'vitest'
describe('node', async () => {
  const name = process.env.PART!
  const module = await import(/* @vite-ignore */ './suite/' + name.toLowerCase() + '.ts')
  module['describe' + name]('node')
})
