#!/usr/bin/env node
/**
 * The command `sluice`. This file has to run on every version of Node, because an old one must say
 * that it is too old. So this file imports the rest only afterwards, without a top-level `await`,
 * and uses the global `process`.
 */
const needed = '22.15'

const toNumbers = (version: string) => version.split('.').map(Number)
const [major = 0, minor = 0] = toNumbers(process.versions.node)
const [neededMajor = 0, neededMinor = 0] = toNumbers(needed)

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  console.error(`sluice: this is Node ${process.versions.node}, and Sluice needs Node ${needed} or a later version`)
  process.exitCode = 1
} else {
  void import('./cli/command.ts').then(({ runCommand }) => runCommand(process.argv.slice(2)))
}
