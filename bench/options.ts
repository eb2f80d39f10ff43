import { parseArgs } from 'node:util'
import type { LabOptions } from './lab.ts'
import type { Measure } from './measure.ts'
import { parseTarget } from './reader/target.ts'
import { findOlla } from './rows/olla.ts'
import { rows, type RowName } from './rows/rows.ts'

export interface Options extends LabOptions {
  readonly measures: readonly Measure[]
  /** The rows to measure, instead of each measure's own rows. */
  readonly rows: readonly RowName[] | undefined
  /** Whether to take heap snapshots instead of measuring. */
  readonly heap: boolean
  /** The file for the results in JSON, instead of a new file in bench/results/. */
  readonly json: string | undefined
}

const namesOf = (known: readonly { readonly name: string }[]): string => known.map(({ name }) => name).join(', ')

/** @throws Error with the unknown name and the list of known names */
function pick<T extends { readonly name: string }>(known: readonly T[], list: string | undefined): T[] | undefined {
  return list?.split(',').map((name) => {
    const found = known.find((candidate) => candidate.name === name.trim())
    if (!found) throw new Error(`Cannot find '${name}': known are ${namesOf(known)}`)
    return found
  })
}

function toUsage(measures: readonly Measure[], known: readonly { readonly name: RowName }[]): string {
  return `npm run bench -- [OPTIONS]

  --only LIST          these measures: ${namesOf(measures)}
  --rows LIST          these rows instead of each measure's own: ${namesOf(known)}
  --heap               no measures; heap snapshots of sluice-node (or of the Node rows that --rows names)
                       tell what a stream is made of
  --json FILE          where the JSON goes instead of bench/results/
  --olla FILE          the program of the row 'olla', a proxy in Go (github.com/thushan/olla), which the bench does not
                       install; without this option, the olla on the PATH; without that, the row is left out
  --upstream-port N    where the bench's Ollama listens; any free port unless told
  --against URL        one row more, 'against': a gateway that you have started yourself. Needs --upstream-port
  --header LINE        a header that this gateway needs with each request ('x-provider: ollama'); may be repeated

Another gateway. Give it http://127.0.0.1:N as its Ollama (or http://127.0.0.1:N/v1 as its OpenAI) and the model bench:latest,
and raise its limits: descriptors, simultaneous streams, timeouts. Then, while it runs or up to 15 s before:

  npm run bench -- --only paced,flat --upstream-port 11500 --against http://127.0.0.1:4000/v1

A URL that ends with /v1 is asked for OpenAI's chat completions as SSE with the key 'bench', any other for Ollama's /api/generate
as NDJSON; a whole path (…/api/chat, …/chat/completions) is taken as it is. It must answer on keep-alive HTTP/1.1 in chunks and
hand the prompt on. Its CPU and memory are those of the processes that listen on its port, if they run on this machine as a user
whose processes you may see, and – otherwise (behind a port of Docker's it is Docker's proxy that listens). The settings in the
title of a table are Sluice's. Set your gateway to the same.

Noise. Each round measures how much CPU time went to other virtual machines (steal) and to other processes, in percent of the
machine's. A round above 15 % is repeated, up to three times; then it counts, and the column 'noisy' counts it. The columns have
the worst round that counts. CPU time of a gateway on another machine, or of processes that you may not see, is not known.`
}

/**
 * Parses the command line. `--help` ends the process.
 * @throws Error that says what is wrong
 */
export function parseOptions(args: string[], measures: readonly Measure[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      rows: { type: 'string' },
      heap: { type: 'boolean', default: false },
      json: { type: 'string' },
      'upstream-port': { type: 'string', default: '0' },
      against: { type: 'string' },
      header: { type: 'string', multiple: true },
      olla: { type: 'string', default: findOlla() },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const known = [...rows, { name: 'olla' as const }, { name: 'against' as const }]
  if (values.help) {
    console.log(toUsage(measures, known))
    process.exit(0)
  }
  const named = pick(known, values.rows)?.map(({ name }) => name)
  const upstreamPort = Number(values['upstream-port'])
  if (!Number.isInteger(upstreamPort) || upstreamPort < 0 || upstreamPort > 65_535)
    throw new Error(`Cannot listen on '${values['upstream-port']}': it is no port`)
  if (values.against !== undefined && upstreamPort === 0)
    throw new Error('Cannot use --against without --upstream-port: the gateway must know where the upstream is')
  if (named?.includes('against') && values.against === undefined)
    throw new Error("Cannot measure the row 'against' without --against URL")
  if (named?.includes('olla') && values.olla === undefined)
    throw new Error("Cannot measure the row 'olla': no olla is on the PATH, and there is no --olla FILE")
  return {
    measures: pick(measures, values.only) ?? measures,
    rows: named,
    heap: values.heap,
    json: values.json,
    upstreamPort,
    olla: values.olla,
    against: values.against === undefined ? undefined : parseTarget(values.against, values.header),
  }
}
