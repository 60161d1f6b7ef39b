import { startApplication } from '../application';
import { findRunningStack, startStack, type Stack } from '../stack';
import { duration, Progress } from '../machine/progress';
import { loadImages } from '../images/loadImages';
import { readSettings, statePaths, type Settings } from '../settings';
import type { Endpoints } from '../endpoints';

/**
 * Milliseconds within which several signals count as one request: both the terminal and npm forward Ctrl-C.
 */
const oneWish = 1000;

/**
 * Starts the servers, or uses those of a running stack, and on request starts the application. Then waits for
 * a signal and stops what it started. Returns the exit code.
 */
export async function runStack({ withApplication }: { withApplication: boolean }): Promise<number> {
  const startedAt = Date.now();
  const settings = readSettings();
  const progress = new Progress();
  const wishes = new StopRequests();
  const running = findRunningStack(settings);
  if (running && !withApplication) {
    progress.say('A stack runs already.');
    describe(running, settings).forEach((line) => progress.say(line));
    return 0;
  }

  let stack: Stack | undefined;
  let application: Awaited<ReturnType<typeof startApplication>> | undefined;
  const stop = async () => {
    await application?.stop();
    await stack?.stop();
  };
  wishes.onAnother = () => void stop().catch(() => undefined);

  let failure: Error | undefined;
  try {
    if (running) progress.say('Using the servers of the stack that runs already.');
    else stack = await startStack({ settings, progress, signal: wishes.first });
    const endpoints = stack
      ? stack.endpoints
      : await withCurrentImages(running as Endpoints, settings, progress);
    if (withApplication)
      application = await startApplication({ settings, endpoints, progress, signal: wishes.first });
    progress.say(`\nReady in ${duration(Date.now() - startedAt)}`);
    [...describe(endpoints, settings), ...(application?.describe() ?? [])].forEach((line) =>
      progress.say(line),
    );
    progress.say('  Ctrl-C stops it; data stays until `npm run reset`.\n');
    await Promise.race([wishes.asked, stack?.failed, application?.failed].filter((end) => end !== undefined));
  } catch (error) {
    if (!wishes.first.aborted) failure = error as Error;
  }
  if (failure) progress.say(`\n${failure.message}`);
  await progress.step('stopping', stop);
  return failure ? 1 : 0;
}

/** The stack may have been started before the last change of a Dockerfile or of an image's files. */
async function withCurrentImages(
  endpoints: Endpoints,
  settings: Settings,
  progress: Progress,
): Promise<Endpoints> {
  return endpoints.images ? { ...endpoints, images: await loadImages(settings, progress) } : endpoints;
}

function describe(endpoints: Endpoints, settings: Settings): string[] {
  return [
    ...(endpoints.temporalUi ? [`  Temporal Web UI  ${endpoints.temporalUi}`] : []),
    `  Temporal         ${endpoints.temporalAddress}   (npm run temporal -- workflow list)`,
    `  Kubernetes       context ${endpoints.kubernetes.context} in ${endpoints.kubernetes.kubeconfig}   (npm run kubectl -- get pods -A)`,
    `  Elasticsearch    ${endpoints.elasticsearch}`,
    `  logs             ${statePaths(settings).logs}`,
  ];
}

/**
 * Signals that request a stop. The exit of the parent process counts as one, too: it could not forward
 * signals any more.
 */
class StopRequests {
  private readonly controller = new AbortController();
  private firstAt = 0;
  onAnother: () => void = () => undefined;
  readonly first = this.controller.signal;
  readonly asked = new Promise<void>((resolve) => this.first.addEventListener('abort', () => resolve()));

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.wish());
    process.on('disconnect', () => this.wish());
    process.channel?.unref();
  }

  private wish(): void {
    if (!this.first.aborted) {
      this.firstAt = Date.now();
      this.controller.abort();
    } else if (Date.now() - this.firstAt > oneWish) {
      this.onAnother();
    }
  }
}
