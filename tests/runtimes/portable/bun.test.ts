import { describePortable } from './suite.ts'

describePortable('bun')
