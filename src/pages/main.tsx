import { render } from 'preact'

render(<main>Sluice</main>, document.querySelector('#app')!)
