import { renderApp } from './components/app.tsx'
import { providePage } from './components/page.ts'
import { createPageState } from './state/create-page-state.ts'

// This script is in the folder `assets` of the server, and the server may be below a path.
const base = new URL('..', import.meta.url).pathname.slice(0, -1)
providePage(createPageState({ base }))
await renderApp(document.querySelector<HTMLElement>('#app')!)
