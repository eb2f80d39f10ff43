import { useChat } from '@ai-sdk/react'
import { DefaultChatTransport, type UIMessage } from 'ai'
import { createElement, StrictMode, useEffect } from 'react'
import { createRoot } from 'react-dom/client'

/** The address of Sluice. The test puts it in when it builds the page. */
declare const sluice: string

const api = `${sluice}/api/ui/chat`
const id = location.hash.slice(1)
const transport = new DefaultChatTransport({ api, headers: { prefer: 'resume=60' }, body: { model: 'm' } })
const stored = JSON.parse(localStorage.getItem(id) ?? '[]') as UIMessage[]

/** A chat that stores its messages at each change, as many pages do. */
function Chat() {
  const { messages, sendMessage, status, error } = useChat({ id, messages: stored, resume: true, transport })
  useEffect(() => localStorage.setItem(id, JSON.stringify(messages)), [messages])
  const stop = () => fetch(`${api}/${encodeURIComponent(id)}/stop`, { method: 'POST' })
  return createElement(
    'main',
    null,
    messages.map(({ id, role, parts }) =>
      createElement('p', { key: id, className: role }, parts.map((part) => (part.type === 'text' ? part.text : '')).join('')),
    ),
    createElement('output', null, error ? error.message : status),
    createElement('button', { id: 'send', onClick: () => void sendMessage({ text: 'Hi' }) }, 'Send'),
    createElement('button', { id: 'stop', onClick: () => void stop() }, 'Stop'),
  )
}

// In strict mode React mounts each component twice, so the hook asks for the stream twice.
createRoot(document.querySelector('#root')!).render(createElement(StrictMode, null, createElement(Chat)))
