/** A Worker that is Sluice. `wrangler.toml` names its objects. */
export { CallerObject, default, RunObject } from 'sluice/worker'
