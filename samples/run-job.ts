import { run, StopError } from 'cognito-bulk-confirm';

/** The whole job from a program: the same files, the same resume as the command. */
export async function confirmFile(source: string, userPoolId: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { badRows, ending } = await run(
      { source, userPoolId, rate: 20, signal },
      { onProgress: ({ done, total }) => console.log(`${done}/${total}`) },
    );
    return ending === 'finished' && badRows === 0;
  } catch (error) {
    if (!(error instanceof StopError)) throw error;
    console.log(`${error.code}: ${error.message}`);
    return false;
  }
}
