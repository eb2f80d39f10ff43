/** What JSX becomes, in each file that has some. */
export { Fragment, h } from 'preact'
