import type { AppOptions } from '../app.ts'
import type { Config } from '../config/parse-config.ts'
import { createMemoryLogs } from '../streams/memory-log.ts'
import { openKeys } from './keys.ts'
import type { LogSink } from './log-sink.ts'
import { createLog } from './log.ts'
import { openStore } from './store.ts'

/**
 * Opens what a process has for its app: the logs of runs, the keys, the store, and the access log in
 * `output`.
 */
export async function openOptions(config: Config, output: LogSink): Promise<Omit<AppOptions, 'open' | 'connect'>> {
  return {
    config,
    logs: createMemoryLogs(config.resume),
    ...(await openKeys(config)),
    ...(await openStore(config)),
    log: createLog(config.server.log, output.write),
  }
}
