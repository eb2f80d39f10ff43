import { describePortableTiming } from '../portable/suite.ts'

describePortableTiming('node')
