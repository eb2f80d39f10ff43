/** A thing that Sluice does on Node, and that Deno does not let it do. */
interface Lack {
  readonly ability: string
  readonly instead: string
  readonly why: string
  /** The file and the title of the test that expects the behaviour in `instead`. */
  readonly file: string
  readonly title: string
}

/**
 * What is different on Deno. docs/deploy.md contains the same table, and
 * tests/runtimes/deno/lacks.test.ts checks that the two tables are equal.
 */
export const lacks: readonly Lack[] = [
  {
    ability: 'accept connections again after it had no descriptor for one',
    instead:
      'open streams go on, but no new connection is accepted until Sluice is restarted. Keep `SLUICE_MAX_STREAMS` below half of `ulimit -n`',
    why: '[hazard 118](hazards.md#118)',
    file: 'tests/runtimes/descriptors.test.ts',
    title: 'F30: deno, out of descriptors, continues old streams, and accepts no other connection',
  },
  {
    ability: 'report a misspelt `SLUICE_…` variable',
    instead: 'it is ignored, unless Deno may read the whole environment (`--allow-env`)',
    why: '[hazard 121](hazards.md#121)',
    file: 'tests/runtimes/deno/permissions.test.ts',
    title: 'a variable that does not exist is a mistake only if Deno may read all of them',
  },
  {
    ability: 'name a place in `src` as the `cause` of a failure',
    instead: 'the access log names lines of `dist/deno.js`, as on Bun',
    why: 'the program has no source map',
    file: 'tests/runtimes/process.test.ts',
    title: 'names the places in the source of any other failure; on Bun and Deno, their lines in the built file',
  },
  {
    ability: 'tell a caller that leaves in the middle of its body from a body that is broken',
    instead: 'the access log has 400 `invalid_json`, or 502 `upstream_unreachable` for a blob, and not 499',
    why: '`node:http` on Deno reports the error of the body first',
    file: 'tests/runtimes/suite/leaving.ts',
    title: 'by %s, in the middle of its body, causes no request to the upstream',
  },
  {
    ability: 'take bodies in brotli and zstd',
    instead: 'they are refused with 415, as on Workers. In deflate, a body that lacks its checksum passes',
    why: '[hazard 123](hazards.md#123)',
    file: 'tests/runtimes/suite/codings.ts',
    title: 'is refused with the names of the supported codings',
  },
  {
    ability: 'trust a certificate that is its own authority (Redis over TLS, Ollama over TLS)',
    instead: 'it needs a certificate of another authority, and `DENO_CERT` names the file of that one',
    why: 'Deno’s TLS does not accept it',
    file: 'tests/redis/start.test.ts',
    title: 'starts over TLS, if an authority vouches for the certificate; Deno wants another authority than itself',
  },
]
