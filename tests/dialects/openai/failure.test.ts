import { expect, test } from 'vitest'
import { toFailure } from '../../../src/dialects/openai/failure.ts'
import { ServiceError } from '../../../src/errors.ts'

test('an error names the field that is wrong', () => {
  const issues = [{ path: 'n', message: 'no' }]
  expect(toFailure(new ServiceError('not_supported', 'n: no', { issues }))).toEqual({
    status: 400,
    body: { error: { message: 'n: no', type: 'invalid_request_error', code: 'not_supported', param: 'n' } },
  })
})
