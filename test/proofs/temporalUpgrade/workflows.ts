import { condition, defineSignal, setHandler } from '@temporalio/workflow';

/** Ends when it gets the signal `finish`. The runs in `server-1.29.db.gz` are runs of it. */
export async function waitForFinish(): Promise<string> {
  let finished = false;
  setHandler(defineSignal('finish'), () => void (finished = true));
  await condition(() => finished);
  return 'finished';
}
