import { StopError } from '../errors.js';
import { ObjectError } from '../object-storage.js';

/** What a job asks of IAM on its prefix: who is denied one of them is told of all, not of one after the other. */
const PERMISSIONS =
  's3:GetObject, s3:PutObject and s3:DeleteObject on its objects, s3:ListBucket on its bucket';

/** Does something with the objects of a job, and says what goes wrong in the words of a job. */
export async function told<T>(doing: 'read' | 'write', work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ObjectError ? stopOfObject(error, doing) : error;
  }
}

/** The message of an ObjectError names the object, and has the store's own words. */
export function stopOfObject(error: ObjectError, doing: 'read' | 'write'): StopError {
  const { kind, message } = error;
  const stop = (code: StopError['code'], advice: string): StopError =>
    new StopError(code, `${message}; ${advice}`, { cause: error });
  switch (kind) {
    case 'denied':
      return stop('ACCESS_DENIED', `a job needs ${PERMISSIONS}: allow them, then resume`);
    case 'credentials':
      return stop('CREDENTIALS', 'then resume');
    case 'no-bucket':
      return stop('JOB_UNUSABLE', 'or name another job with --job');
    case 'missing':
    case 'changed':
      return stop('JOB_UNUSABLE', 'is another run at work on the job? Try again');
    case 'unreachable':
      return stop(doing === 'write' ? 'JOB_UNWRITABLE' : 'NO_CONNECTION', 'see to that, then resume');
  }
}
