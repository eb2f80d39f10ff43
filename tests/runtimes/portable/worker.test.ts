import { describePortable } from './suite.ts'

describePortable('worker')
