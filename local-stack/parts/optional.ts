import type { Progress } from '../machine/progress';

/**
 * What the cluster also runs without. If it cannot be made or does not work on this machine, the result is undefined,
 * and the reason is reported in one line.
 * @param without what the machine lacks then, such as `No gVisor on this machine`
 */
export async function optional<T>(
  progress: Progress,
  without: string,
  find: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await find();
  } catch (error) {
    const reason = (error as Error).message.replace(/\s*\n\s*/g, ' ');
    progress.say(`  ${without}: ${reason}`);
    return undefined;
  }
}
