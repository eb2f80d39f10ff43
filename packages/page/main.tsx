import { renderApp } from './components/app.tsx'
import { providePage } from './components/page.ts'
import { createPageState } from './state/create-page-state.ts'

providePage(createPageState())
await renderApp(document.querySelector<HTMLElement>('#app')!)
