import { checkPermissions } from './deno/check-permissions.ts'
import { codingsOfDeno } from './deno/codings.ts'
import { connectOnDeno } from './deno/connect.ts'
import { openOutput } from './deno/open-output.ts'
import { readEnvironment } from './deno/read-environment.ts'
import { createOutput, readConfig } from './host-process.ts'
import { listen } from './node/sluice.ts'
import { openOptions } from './open-options.ts'
import { run } from './run.ts'

const config = await readConfig(checkPermissions, readEnvironment)
const output = createOutput(openOutput())

await run(
  config,
  async () => {
    const options = await openOptions(config, output)
    return listen({ ...options, findCodings: codingsOfDeno }, connectOnDeno(config.upstream))
  },
  output,
)
