import { confirmRows } from 'cognito-bulk-confirm';

/** Confirms users who come from anywhere, here from a generator, and prints those that did not end well. */
export async function confirmApproved(approved: AsyncIterable<string>, userPoolId: string): Promise<number> {
  const rows = (async function* () {
    for await (const username of approved) yield { username, metadata: { approvedBy: 'crm' } };
  })();
  let confirmed = 0;
  for await (const { errorMessage, row, status } of confirmRows(rows, { userPoolId, rate: 20 })) {
    if (status === 'confirmed') confirmed++;
    else console.log(`row ${row}: ${status} ${errorMessage}`);
  }
  return confirmed;
}
