import { render } from 'preact'
import { App } from './app.tsx'
import { watch } from './watch.ts'

// This script is in the folder `assets` of the server, and the server may be below a path.
const root = document.querySelector<HTMLElement>('#app')!
root.replaceChildren()
render(<App />, root)
watch(new URL('../status/', import.meta.url).pathname)
