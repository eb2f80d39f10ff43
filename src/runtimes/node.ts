import { createMemoryLogs } from '../streams/memory-log.ts'
import { readConfig, standardOutput } from './host-process.ts'
import { openKeys } from './keys.ts'
import { createLog } from './log.ts'
import { listen } from './node/sluice.ts'
import { run } from './run.ts'
import { openStore } from './store.ts'

const config = await readConfig()

/** The URL at which Sluice listens. */
export const url = await run(config, async () => {
  const log = createLog(config.server.log, standardOutput.write)
  return listen({
    config,
    logs: createMemoryLogs(config.resume),
    ...(await openKeys(config)),
    ...(await openStore(config)),
    log,
  })
})
