import { describeResumeInChromium } from './resume-suite.ts'

describeResumeInChromium('node')
