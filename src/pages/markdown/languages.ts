import type { ShjLanguageData } from '@speed-highlight/core/tokenize'
import bash from '@speed-highlight/core/languages/bash.js'
import c from '@speed-highlight/core/languages/c.js'
import css from '@speed-highlight/core/languages/css.js'
import diff from '@speed-highlight/core/languages/diff.js'
import docker from '@speed-highlight/core/languages/docker.js'
import go from '@speed-highlight/core/languages/go.js'
import html from '@speed-highlight/core/languages/html.js'
import ini from '@speed-highlight/core/languages/ini.js'
import java from '@speed-highlight/core/languages/java.js'
import json from '@speed-highlight/core/languages/json.js'
import lua from '@speed-highlight/core/languages/lua.js'
import make from '@speed-highlight/core/languages/make.js'
import py from '@speed-highlight/core/languages/py.js'
import rs from '@speed-highlight/core/languages/rs.js'
import toml from '@speed-highlight/core/languages/toml.js'
import ts from '@speed-highlight/core/languages/ts.js'
import xml from '@speed-highlight/core/languages/xml.js'
import yaml from '@speed-highlight/core/languages/yaml.js'
import { sql } from './sql.ts'

/** By the names that languages use for each other. TypeScript stands in for JavaScript: its own file would hold most of that one again. */
export const languages = {
  bash,
  c,
  css,
  diff,
  docker,
  go,
  html,
  ini,
  java,
  js: ts,
  json,
  lua,
  make,
  py,
  rs,
  sql,
  toml,
  ts,
  xml,
  yaml,
} as object as Readonly<Record<string, ShjLanguageData>>

/** What else models write behind a fence. */
const aliases: Record<string, string> = {
  javascript: 'js',
  jsx: 'js',
  mjs: 'js',
  cjs: 'js',
  node: 'js',
  typescript: 'ts',
  tsx: 'ts',
  mts: 'ts',
  python: 'py',
  python3: 'py',
  sh: 'bash',
  shell: 'bash',
  zsh: 'bash',
  console: 'bash',
  terminal: 'bash',
  fish: 'bash',
  shellscript: 'bash',
  'c++': 'c',
  cpp: 'c',
  cc: 'c',
  h: 'c',
  hpp: 'c',
  objc: 'c',
  csharp: 'java',
  cs: 'java',
  'c#': 'java',
  kotlin: 'java',
  scala: 'java',
  rust: 'rs',
  golang: 'go',
  yml: 'yaml',
  htm: 'html',
  vue: 'html',
  svelte: 'html',
  svg: 'xml',
  xhtml: 'xml',
  scss: 'css',
  less: 'css',
  patch: 'diff',
  dockerfile: 'docker',
  containerfile: 'docker',
  makefile: 'make',
  jsonc: 'json',
  json5: 'json',
  jsonl: 'json',
  ndjson: 'json',
  postgresql: 'sql',
  postgres: 'sql',
  mysql: 'sql',
  sqlite: 'sql',
  properties: 'ini',
  conf: 'ini',
  env: 'ini',
}

/** The language that a name behind a fence means, if it is one we know. */
export function toLanguage(name: string): ShjLanguageData | undefined {
  const key = name.toLowerCase()
  const known = Object.hasOwn(aliases, key) ? aliases[key]! : key
  return Object.hasOwn(languages, known) ? languages[known] : undefined
}
