import type { Tokens } from 'marked'
import type { Block, Context } from './block.ts'
import { createInline, type Inline } from './inline.ts'
import { focusWhenScrollable } from './scroller.ts'

interface RenderedRow {
  readonly node: HTMLTableRowElement
  readonly cells: readonly Inline[]
  key: string
}

/**
 * A table. Its rows stay in the page when more rows come. The table is in a region that scrolls by
 * itself.
 */
export function createTable(first: Tokens.Table, context: Context): Block {
  const aligns = first.align
  const head = document.createElement('thead')
  const body = document.createElement('tbody')
  const table = document.createElement('table')
  table.append(head, body)
  const node = document.createElement('div')
  node.className = 'table'
  node.setAttribute('role', 'region')
  node.ariaLabel = context.options.tableLabel?.() ?? 'Table'
  node.append(table)
  const header = createRow('th', aligns, context)
  head.append(header.node)
  const rows: RenderedRow[] = []

  return {
    node,
    update(token, isOpen) {
      const { header: names, rows: found, align, raw } = token as Tokens.Table
      if (align.length !== aligns.length || align.some((side, index) => side !== aligns[index])) return false
      const isRowOpen = isOpen && !raw.endsWith('\n')
      showRow(header, names, isRowOpen && found.length === 0, context)
      for (const [index, cells] of found.entries()) {
        const row = (rows[index] ??= createRow('td', aligns, context))
        showRow(row, cells, isRowOpen && index === found.length - 1, context)
        if (row.node.parentNode === null) body.append(row.node)
      }
      for (const row of rows.splice(found.length)) row.node.remove()
      focusWhenScrollable(node)
      return true
    },
  }
}

function createRow(name: 'th' | 'td', aligns: Tokens.Table['align'], context: Context): RenderedRow {
  const node = document.createElement('tr')
  const cells = aligns.map((align) => {
    const cell = document.createElement(name)
    if (align) cell.className = `align-${align}`
    node.append(cell)
    return createInline(cell, context)
  })
  return { node, cells, key: '' }
}

function showRow(row: RenderedRow, cells: readonly Tokens.TableCell[], isOpen: boolean, { linksKey }: Context) {
  const key = [isOpen, linksKey, ...cells.map(({ text }) => text)].join('\n')
  if (row.key === key) return
  row.key = key
  for (const [index, { text }] of cells.entries()) row.cells[index]!.update(text, isOpen)
}
