import process from 'node:process'
import { serve } from '../../dist/lib/node.js'

// The row `package-node`: a program that starts Sluice from the package (docs/package.md). It is
// JavaScript, because the types of the package exist only when it is packed.
await serve({ env: process.env })
