/** On Bun: texts come in as JSON, and go out gzipped, in base64, as JSON. */
declare const Bun: {
  stdin: { json(): Promise<string[]> }
  gzipSync(data: Uint8Array, options: { library: 'libdeflate'; level: number }): Uint8Array
}

const texts = await Bun.stdin.json()
const gzipped = texts.map((text) => Bun.gzipSync(Buffer.from(text), { library: 'libdeflate', level: 12 }))
process.stdout.write(JSON.stringify(gzipped.map((bytes) => Buffer.from(bytes).toString('base64'))))
