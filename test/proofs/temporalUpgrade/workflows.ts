import { condition, defineSignal, setHandler } from '@temporalio/workflow';

/** Ends when it receives the signal `finish`. `server-1.29.db.gz` contains runs of it. */
export async function waitForFinish(): Promise<string> {
  let finished = false;
  setHandler(defineSignal('finish'), () => void (finished = true));
  await condition(() => finished);
  return 'finished';
}
