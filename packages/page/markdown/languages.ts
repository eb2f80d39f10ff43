import type { ShjLanguageData } from '@speed-highlight/core/tokenize'
import bash from '@speed-highlight/core/languages/bash.js'
import c from '@speed-highlight/core/languages/c.js'
import css from '@speed-highlight/core/languages/css.js'
import diff from '@speed-highlight/core/languages/diff.js'
import go from '@speed-highlight/core/languages/go.js'
import html from '@speed-highlight/core/languages/html.js'
import ini from '@speed-highlight/core/languages/ini.js'
import java from '@speed-highlight/core/languages/java.js'
import json from '@speed-highlight/core/languages/json.js'
import py from '@speed-highlight/core/languages/py.js'
import rs from '@speed-highlight/core/languages/rs.js'
import ts from '@speed-highlight/core/languages/ts.js'
import yaml from '@speed-highlight/core/languages/yaml.js'
import { sql } from './sql.ts'

/**
 * The rules for Dockerfiles. The package's own file for Docker is not used, because it would load
 * the rules of `bash` a second time.
 */
const docker = [
  {
    type: 'kwd',
    match:
      /^(?:FROM|RUN|CMD|LABEL|EXPOSE|ENV|ADD|COPY|ENTRYPOINT|VOLUME|USER|WORKDIR|ARG|ONBUILD|STOPSIGNAL|HEALTHCHECK|SHELL)\b/gim,
  },
  ...bash,
]

/**
 * The names that models write after a fence, by language. Where the rules of one language refer to
 * another language, they use the first name in that language's row. The rules of TypeScript are
 * also used for JavaScript, because the package has the same rules for both. For the same reason,
 * the rules of HTML are also used for XML.
 */
const names: readonly (readonly [language: object, names: readonly string[]])[] = [
  [bash, ['bash', 'sh', 'shell', 'zsh', 'console', 'terminal', 'fish', 'shellscript', 'make', 'makefile']],
  [c, ['c', 'c++', 'cpp', 'cc', 'h', 'hpp', 'objc']],
  [css, ['css', 'scss', 'less']],
  [diff, ['diff', 'patch']],
  [docker, ['docker', 'dockerfile', 'containerfile']],
  [go, ['go', 'golang']],
  [html, ['html', 'htm', 'vue', 'svelte', 'xml', 'svg', 'xhtml']],
  [ini, ['ini', 'properties', 'conf', 'env', 'toml']],
  [java, ['java', 'c#', 'csharp', 'cs', 'kotlin', 'scala']],
  [json, ['json', 'jsonc', 'json5', 'jsonl', 'ndjson']],
  [py, ['py', 'python', 'python3']],
  [rs, ['rs', 'rust']],
  [sql, ['sql', 'postgresql', 'postgres', 'mysql', 'sqlite']],
  [ts, ['ts', 'typescript', 'tsx', 'mts', 'js', 'javascript', 'jsx', 'mjs', 'cjs', 'node']],
  [yaml, ['yaml', 'yml']],
]

export const languages: Readonly<Record<string, ShjLanguageData>> = Object.fromEntries(
  names.flatMap(([language, names]) => names.map((name) => [name, language as ShjLanguageData])),
)

/** Returns the language for a name after a fence, or `undefined` if the name is unknown. */
export function toLanguage(name: string): ShjLanguageData | undefined {
  const key = name.toLowerCase()
  return Object.hasOwn(languages, key) ? languages[key] : undefined
}
