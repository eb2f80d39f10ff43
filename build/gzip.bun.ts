/**
 * Runs on Bun. Reads texts as JSON from stdin and writes them to stdout, gzipped, as base64 in
 * JSON.
 */
declare const Bun: {
  stdin: { json(): Promise<string[]> }
  gzipSync(data: Uint8Array, options: { library: 'libdeflate'; level: number }): Uint8Array
}

const texts = await Bun.stdin.json()
const gzipped = texts.map((text) => Bun.gzipSync(Buffer.from(text), { library: 'libdeflate', level: 12 }))
process.stdout.write(JSON.stringify(gzipped.map((bytes) => Buffer.from(bytes).toString('base64'))))
