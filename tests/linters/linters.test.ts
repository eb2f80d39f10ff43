import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { lint, programs, root } from './lint.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-linters-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Returns the files of the repository that match patterns of git. */
function list(...patterns: string[]): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns]
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim().split('\n').toSorted()
}

/** Writes a spoilt copy of a file. Returns its path. */
function spoil(file: string, before: string, after: string): string {
  const text = readFileSync(root + file, 'utf8')
  if (!text.includes(before)) throw new Error(`Cannot spoil ${file}: it does not contain ${before}`)
  const path = join(folder, file.replaceAll('/', '-'))
  writeFileSync(path, text.replace(before, after))
  return path
}

describe('hadolint', () => {
  test('finds nothing in the Dockerfile', () => {
    expect(lint('hadolint', ['Dockerfile'])).toEqual({ status: 0, said: '' })
  })

  test('finds a base image without a version', () => {
    expect(lint('hadolint', [spoil('Dockerfile', 'node:24.21.0-slim', 'node')]).said).toContain('DL3006')
  })
})

describe('the schemas of Kubernetes', () => {
  const manifests = list('deploy/kubernetes/*.yaml').filter((file) => !/kustomization|ollama-values|http-route/.test(file))
  // 1.30 is the oldest version that has `preStop: sleep` without a feature gate.
  const versions = ['1.30.0', '1.37.0']
  const validate = (version: string, files: readonly string[]) =>
    lint('kubernetes-validate', ['--strict', '--kubernetes-version', version, ...files])

  test.each(versions)('version %s has every field of every manifest', (version) => {
    expect(manifests).toHaveLength(4)
    const { status, said } = validate(version, manifests)
    expect(said.match(/ passed for resource /g), said).toHaveLength(manifests.length)
    expect(said).not.toMatch(/WARN|ERROR/)
    expect(status).toBe(0)
  })

  test('a field that does not exist is found', () => {
    const spoilt = spoil('deploy/kubernetes/deployment.yaml', 'enableServiceLinks', 'enableServiceLink')
    expect(validate('1.37.0', [spoilt]).status).not.toBe(0)
  })
})

interface Schema {
  type?: string
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: boolean
}

/** Makes a schema refuse fields that it does not name, as `kubectl apply` does. */
function toStrict(schema: Schema): Schema {
  const { properties, items } = schema
  const entries = Object.entries(properties ?? {}).map(([name, value]) => [name, toStrict(value)] as const)
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(entries), additionalProperties: false }),
    ...(items && { items: toStrict(items) }),
  }
}

describe('the schema of the Gateway API', () => {
  const schema = join(folder, 'http-route.json')
  const check = (file: string) => lint('check-jsonschema', ['--schemafile', schema, file])

  test('has every field of the route', () => {
    const { spec } = parse(readFileSync(`${programs}http-route.yaml`, 'utf8')) as {
      spec: { versions: { name: string; schema: { openAPIV3Schema: Schema } }[] }
    }
    const { openAPIV3Schema } = spec.versions.find(({ name }) => name === 'v1')!.schema
    // Kubernetes itself defines `metadata`, so the schema does not name its fields.
    writeFileSync(schema, JSON.stringify(toStrict(openAPIV3Schema)))
    expect(check('deploy/kubernetes/http-route.yaml')).toMatchObject({ status: 0 })
  })

  test.each([
    ['request: 0s', 'request: 0'],
    ['timeouts:', 'timeout:'],
  ])('a mistake is found: %s → %s', (before, after) => {
    expect(check(spoil('deploy/kubernetes/http-route.yaml', before, after)).status).toBe(1)
  })
})

describe('the files for GitHub', () => {
  test('actionlint finds nothing in the workflows', () => {
    expect(list('.github/workflows/*.yml')).toEqual(['.github/workflows/ci.yml', '.github/workflows/release.yml'])
    expect(lint('actionlint', ['-color=false'])).toEqual({ status: 0, said: '' })
  })

  test('actionlint finds a wrong name of a job, and shellcheck a mistake in a script', () => {
    const file = spoil('.github/workflows/release.yml', 'needs: [check', 'needs: [chekc')
    expect(lint('actionlint', [file]).said).toContain('chekc')
    const quoted = spoil('.github/workflows/release.yml', '"$GITHUB_REF_NAME"', '$GITHUB_REF_NAME')
    expect(lint('actionlint', [quoted]).said).toContain('SC2086')
  })

  test.each([
    ['vendor.github-issue-forms', list('.github/ISSUE_TEMPLATE/*.yml').filter((file) => !file.endsWith('/config.yml'))],
    ['vendor.github-issue-config', ['.github/ISSUE_TEMPLATE/config.yml']],
    ['vendor.renovate', ['.github/renovate.json']],
    ['vendor.compose-spec', ['compose.yaml']],
  ])('the schema %s fits', (schema, files) => {
    expect(files.length).toBeGreaterThan(0)
    expect(lint('check-jsonschema', ['--builtin-schema', schema, ...files])).toMatchObject({ status: 0 })
  })

  test('a field of a form without a label is found', () => {
    const form = spoil('.github/ISSUE_TEMPLATE/bug.yml', '      label: ', '      lable: ')
    expect(lint('check-jsonschema', ['--builtin-schema', 'vendor.github-issue-forms', form]).status).toBe(1)
  })
})

test('shellcheck finds nothing in the scripts', () => {
  const scripts = [...list('*.sh'), '.ci/run']
  expect(scripts.length).toBeGreaterThan(7)
  expect(lint('shellcheck', scripts)).toEqual({ status: 0, said: '' })
})
