import type { ShjLanguageData } from '@speed-highlight/core/tokenize'

const words =
  'add|all|alter|and|as|asc|begin|between|by|case|check|column|commit|constraint|create|cross|database|default|delete|desc|distinct|drop|else|end|exists|explain|fetch|foreign|from|full|function|grant|group|having|if|in|index|inner|insert|intersect|into|is|join|key|lateral|left|like|limit|not|offset|on|or|order|outer|over|partition|primary|procedure|recursive|references|returning|right|rollback|select|set|table|then|transaction|trigger|truncate|union|unique|update|using|values|view|when|where|window|with'
const types =
  'bigint|blob|boolean|char|date|datetime|decimal|double|float|int|integer|json|jsonb|numeric|real|serial|smallint|text|time|timestamp|uuid|varchar'

/**
 * SQL with everyday words. The package's own list has the words of every dialect, and is as large
 * as five other languages.
 */
export const sql: ShjLanguageData = [
  { type: 'cmnt', match: /--.*\n?|\/\*((?!\*\/)[^])*(\*\/)?/g },
  { expand: 'str' },
  { type: 'func', match: /\b\w+(?=\()/g },
  { type: 'kwd', match: new RegExp(`\\b(?:${words})\\b`, 'gi') },
  { type: 'type', match: new RegExp(`\\b(?:${types})\\b`, 'gi') },
  { type: 'bool', match: /\b(?:true|false|null)\b/gi },
  { expand: 'num' },
  { type: 'oper', match: /[-+*/=%^~<>|&!:]+/g },
]
