import { topicsWith, type Tour } from './english-tour.ts'

const about = topicsWith('很简单。', '好的。', '一句话就能说清。')

/**
 * The demo's answers in Chinese. Their facts come from docs/protocol.md, so change both together.
 */
export const chineseTour: Tour = {
  closings: ['这段话是演示程序编的，背后没有任何模型。', '回答是编的，传输是真的。'],
  greeting: {
    openings: ['你好！这个回答是编出来的。', '你好，这里是 Sluice 的演示。'],
    body: `和你对话的是内置的 Ollama 模拟器，不过它和你之间的一切都是真正的 Sluice。可以问我：

- Sluice 是什么？
- 怎样停止回答？
- 出错时是什么样子？
- 怎样接上真正的 Ollama？
- 来点表情符号 😀

也可以让数据流出错：\`/fail after 5\`、\`/truncate after 5\`、\`/stall after 5\`、\`/slow-start 10\`。`,
  },
  breaking: '这个数据流被要求出错，很快就会出错。在那之前，它和别的数据流一样，一个词元接着一个词元。',
  topics: [
    about(/表情|emoji/i)`- 👩‍💻 由女人、一个看不见的连接符和电脑组成
- 👨‍👩‍👧‍👦 是一家人，一共七个码位
- 👍🏽 带肤色，🏳️‍🌈 是旗子加彩虹，🇨🇳 是字母 C 和 N

词元会把它们切开，网络数据包甚至会断在一个字的中间。Sluice 只转发完整的行，所以读者永远不会看到乱码。`,
    about(
      /停|取消|中断|离开|关闭|显卡|GPU/i,
    )`关闭标签页、在 \`curl\` 里按 Ctrl-C，或者用 \`AbortController\` 中止 \`fetch\` 都可以。Sluice 随即关闭它发给 Ollama 的请求，Ollama 便停止占用显卡：正在生成时立刻停止，还在读提示词时则在第一个词元处停止。`,
    about(
      /错|失败|异常|断/,
    )`**早**：第一个字节发出之前，得到真实的 HTTP 状态码和一个 JSON 对象。**晚**：200 已经发出之后，数据流的最后一帧是：

\`\`\`
event: failed
data: {"error":"…","code":"upstream_failed","request_id":"…"}
\`\`\`

所以每个数据流都恰好有一个结尾：成功或失败。试试 \`/fail after 5\`。`,
    about(/ollama|真正|安装|运行|部署|bun|workers/i)`\`\`\`sh
ollama pull gemma3
npm start
curl -N localhost:8083/chat -d '{"text":"你好"}'
\`\`\`

Sluice 默认连接 \`http://127.0.0.1:11434\`，可以用 \`OLLAMA_HOST\` 修改。模型第一次加载可能要几分钟，请耐心等待。`,
    about(
      /sluice|是什么|介绍|你是谁/i,
    )`Ollama 用 NDJSON 回答，一行一个 JSON 对象；Sluice 把这些行原样变成 SSE 事件，随到随发给浏览器。它有两个承诺：

1. 每个数据流都恰好有一个诚实的结尾：\`"done":true\`，或者说明原因的 \`event: failed\`。
2. 读者一离开，显卡就停下来。`,
  ],
}
