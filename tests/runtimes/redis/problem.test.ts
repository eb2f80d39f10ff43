import { expect, test } from 'vitest'
import { LateError, NonsenseError, toProblemOfConnection, toProblemOfReply } from '../../../src/runtimes/redis/problem.ts'

const address = { tls: false, host: 'redis', port: 6379, username: 'alice', password: 'secret7f3a', database: 0 }

test.each([
  [
    'WRONGPASS invalid username-password pair or user is disabled.',
    'WRONGPASS invalid username-password pair or user is disabled; check the user',
  ],
  ['NOAUTH Authentication required.', 'NOAUTH Authentication required; put the password'],
  ["NOPERM this user has no permissions to run the 'xadd' command", 'command; docs/scale.md'],
  ["READONLY You can't write against a read only replica.", 'replica; name the primary'],
  ['MOVED 1234 10.0.0.1:6379', 'MOVED; name a Redis that is no part of a cluster'],
  ['ERR DB index is out of range', 'ERR DB index is out of range; check the URL'],
  ['ERR Invalid stream ID specified as stream command argument', 'needs Redis 6.2 or a later version'],
  ["ERR unknown command 'XADD'", 'needs Redis 6.2 or a later version'],
])('the answer %j is a refusal, told in its words and ours', (reply, text) => {
  expect(toProblemOfReply(reply, address)).toEqual({ isRefusal: true, text: expect.stringContaining(text) as string })
})

test.each([
  ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM'],
  ['LOADING Redis is loading the dataset in memory', 'LOADING'],
  ['MISCONF Redis is configured to save RDB snapshots', 'MISCONF'],
  ['NOREPLICAS Not enough good replicas to write.', 'NOREPLICAS'],
  ['ERR max number of clients reached', 'it has too many clients'],
])('the answer %j may pass, so Redis is only down', (reply, text) => {
  expect(toProblemOfReply(reply, address)).toEqual({ isRefusal: false, text })
})

test.each(['ERR alice is no user', 'ERR *2 $4 AUTH $10 secret7f3a', 'NOPERM alice may not'])(
  'a server that repeats what it was sent is not quoted: %j',
  (reply) => {
    const { text } = toProblemOfReply(reply, address)
    expect(text).not.toMatch(/alice|secret7f3a/)
    expect(text).toMatch(/^(?:ERR|NOPERM); /)
  },
)

const withCode = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.1:6379`), { code })
class SocketClosedUnexpectedlyError extends Error {}

test.each([
  [withCode('ECONNREFUSED'), false, 'ECONNREFUSED'],
  [withCode('ENOTFOUND'), false, 'ENOTFOUND'],
  [new SocketClosedUnexpectedlyError(), false, 'it closed the connection'],
  [new LateError(), false, 'it does not answer'],
  [withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), true, 'its certificate is not valid (DEPTH_ZERO_SELF_SIGNED_CERT)'],
  [withCode('ERR_TLS_CERT_ALTNAME_INVALID'), true, 'its certificate is not valid'],
  [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), true, 'it does not speak TLS'],
  [new Error('Unknown RESP type 72 "H"'), true, 'its answers are not those of a Redis'],
  [new TypeError('Cannot read properties of undefined'), true, 'its answers are not those of a Redis'],
  [new NonsenseError(), true, 'its answers are not those of a Redis'],
])('the error %j of a connection is told without the address', (error, isRefusal, text) => {
  const problem = toProblemOfConnection(error)
  expect(problem.isRefusal).toBe(isRefusal)
  expect(problem.text).toContain(text)
  expect(problem.text).not.toContain('10.0.0.1')
})
