import { describeRuntime } from './suite/suite.ts'

describeRuntime('deno')
