import { describe, expect, test } from 'vitest'
import { see, toChatPage } from '../../browser/page/chat-page.ts'
import { begins, goesOn } from '../../browser/page/ollama.ts'
import { useBrowser, usePageStage, visitPage, type PageStage } from '../../browser/page/stage.ts'
import { describeResumeInChromium } from '../../browser/resume-suite.ts'
import { registerPairs } from '../../runtimes/server.ts'
import { startPair } from '../../redis/pair.ts'
import { checkRedisInstalled } from '../../redis/redis-server.ts'
import { checkInstalled, startNginxOfPair } from '../proxy.ts'
import { startTap } from '../tap.ts'
import { comeBackElsewhere, startProxiedPair, type ProxiedPair } from './pair.ts'

checkInstalled()
checkRedisInstalled()
registerPairs((name, env) => startProxiedPair({ startPair, startNginxOfPair, startTap }, name, env))

describeResumeInChromium('pair of node', (server, reload) => comeBackElsewhere(server as ProxiedPair, reload))

describe('the page, behind the nginx of docs/scale.md', () => {
  const chromium = useBrowser()
  const stage = usePageStage({}, 'pair of node') as PageStage & { readonly server: ProxiedPair }

  /** Lets Ollama answer with “Once upon”, and after `pass` with “ a time”. */
  async function begin(question: string) {
    const visitor = await visitPage(chromium.browser, stage.server.url)
    stage.ollama.on(question, begins(['Once', ' upon'], goesOn(' a', ' time')))
    await visitor.ask(question)
    await see(visitor.answer(), 'Once upon')
    const { exchange } = (await stage.ollama.asked(question)).request
    const reloadElsewhere = () =>
      comeBackElsewhere(stage.server, async () => {
        await visitor.page.reload()
        await see(visitor.answer(), 'Once upon')
      })
    return { visitor, exchange, reloadElsewhere }
  }

  test('goes on at the other server after a reload, and asks the model once', async () => {
    const { visitor, exchange, reloadElsewhere } = await begin('Reloaded')
    await reloadElsewhere()
    expect(exchange.isOpen).toBe(true)
    exchange.pass()
    await see(visitor.answer(), 'Once upon a time')
    await visitor.settled()
    await visitor.reload()
    await see(visitor.answer(), 'Once upon a time')
    expect(stage.ollama.countOf('Reloaded')).toBe(1)
  })

  test('stops the GPU after a reload at the other server', async () => {
    const { visitor, exchange, reloadElsewhere } = await begin('Stopped')
    await reloadElsewhere()
    await visitor.stop.click()
    await exchange.closedByReader
    await see(visitor.answer(), 'Stopped. The GPU is free.')
    await see(visitor.answer(), 'Once upon')
  })

  test('shows an answer live in two tabs, one at each server, and either stops it in both', async () => {
    const { visitor, exchange } = await begin('In two tabs')
    const tab = toChatPage(await visitor.open())
    await comeBackElsewhere(stage.server, async () => {
      await tab.page.reload()
      await tab.openChat('In two tabs')
      await see(tab.answer(), 'Once upon')
    })
    await tab.stop.click()
    await exchange.closedByReader
    for (const one of [visitor, tab]) {
      await see(one.answer(), 'Stopped. The GPU is free.')
      await see(one.answer(), 'Once upon')
    }
  })
})
