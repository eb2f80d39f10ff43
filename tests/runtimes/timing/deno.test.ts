import { describeTiming } from '../suite/suite.ts'

describeTiming('deno')
