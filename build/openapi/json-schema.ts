/** A part of the document: a JSON Schema of 2020-12, or an object of OpenAPI. */
export type JsonSchema = Readonly<Record<string, unknown>>

export const toRef = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })
