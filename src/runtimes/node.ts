import { readConfig, standardOutput } from './host-process.ts'
import { listen } from './node/sluice.ts'
import { openOptions } from './open-options.ts'
import { run } from './run.ts'

const config = await readConfig()

/** The URL at which Sluice listens. */
export const url = await run(config, async () => listen(await openOptions(config, standardOutput)))
