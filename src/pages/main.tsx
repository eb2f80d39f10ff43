import { render } from 'preact'
import { App } from './components/app.tsx'
import { PageContext } from './components/page.ts'
import { createPageState } from './state/create-page-state.ts'

const root = document.querySelector('#app')!
root.replaceChildren()
render(
  <PageContext.Provider value={createPageState()}>
    <App />
  </PageContext.Provider>,
  root,
)
