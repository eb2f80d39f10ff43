import { createMemoryLogs } from '../streams/memory-log.ts'
import { checkPermissions } from './deno/check-permissions.ts'
import { codingsOfDeno } from './deno/codings.ts'
import { connectOnDeno } from './deno/connect.ts'
import { openOutput } from './deno/open-output.ts'
import { readEnvironment } from './deno/read-environment.ts'
import { createOutput, readConfig } from './host-process.ts'
import { openKeys } from './keys.ts'
import { createLog } from './log.ts'
import { listen } from './node/sluice.ts'
import { run } from './run.ts'
import { openStore } from './store.ts'

const config = await readConfig(checkPermissions, readEnvironment)
const output = createOutput(openOutput())

await run(
  config,
  async () => {
    const log = createLog(config.server.log, output.write)
    const options = {
      config,
      findCodings: codingsOfDeno,
      logs: createMemoryLogs(config.resume),
      ...(await openKeys(config)),
      ...(await openStore(config)),
      log,
    }
    return listen(options, connectOnDeno(config.upstream))
  },
  output,
)
