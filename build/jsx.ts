/** The names that compiled JSX calls. esbuild injects them into each file that has JSX. */
export { Fragment, h } from 'preact'
