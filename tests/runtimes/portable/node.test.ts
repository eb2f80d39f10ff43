import { describePortable } from './suite.ts'

describePortable('node')
