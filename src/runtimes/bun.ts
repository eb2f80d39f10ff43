import { checkConfig } from './bun/check-config.ts'
import { listen } from './bun/sluice.ts'
import { readConfig, standardOutput } from './host-process.ts'
import { openOptions } from './open-options.ts'
import { run } from './run.ts'

const config = await readConfig(checkConfig)

/** The URL at which Sluice listens. */
export const url = await run(config, async () => listen(await openOptions(config, standardOutput)))
