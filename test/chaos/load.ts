import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiError, OrchestrationClient, Unreachable } from '../../client';
import type { FaultsOf } from '../integration/contract';
import { follow, type Followed } from './follower';
import type { Platform } from './platform';
import { drawProgram, submissionOf, type ProgramKind, type Submission, type TallyAddress } from './programs';
import type { Random } from './random';
import type { Timeline } from './timeline';

/** A submission that the driver sent, and what its clients received. */
export interface Sent {
  id: string;
  user: string;
  submission: Submission;
  sentAt: number;
  endedAt: number | null;
  cancelAsked: boolean;
  /** What each of its clients received: two clients when it was sent twice. */
  followed: Followed[];
}

/** A rollback that was requested. */
export interface RollbackAsked {
  user: string;
  target: string;
  askedAt: number;
}

export interface LoadSettings {
  platform: Platform;
  users: string[];
  tally: TallyAddress;
  random: Random;
  timeline: Timeline;
  faultsOf: FaultsOf;
  /** Submissions per second. */
  rate: number;
}

/** The limit of concurrent submissions, so that no backlog builds up while the platform is down. */
const MOST_IN_FLIGHT = 30;

/** How long a submission may take in total before it counts as lost, in milliseconds. */
const LOST_AFTER_MS = 15 * 60_000;

const PERCENT_ROLLBACKS = 3;

/** Sends submissions of all kinds at a steady rate, and follows each to its end. */
export class Load {
  readonly sent: Sent[] = [];
  readonly rollbacks: RollbackAsked[] = [];
  /** How often a submission was not sent because too many were in progress. */
  heldBack = 0;
  private readonly underWay = new Set<Promise<unknown>>();
  private stopped = false;
  private running: Promise<void> | undefined;

  constructor(private readonly settings: LoadSettings) {}

  start(): void {
    this.running = this.run();
  }

  /**
   * Stops sending. Resolves when all submissions have ended, or at `deadline` (milliseconds since the epoch).
   */
  async drain(deadline: number): Promise<void> {
    this.stopped = true;
    await this.running;
    while (this.underWay.size > 0 && Date.now() < deadline)
      await Promise.race([...this.underWay, wait(1_000)]);
  }

  /** Sends one submission at once, regardless of the limit, and resolves when it has ended. */
  async send(kind: ProgramKind, user: string): Promise<Sent> {
    const { tally, random, timeline } = this.settings;
    const id = randomUUID();
    const submission = submissionOf(kind, id, tally, random);
    const sent: Sent = {
      id,
      user,
      submission,
      sentAt: Date.now(),
      endedAt: null,
      cancelAsked: false,
      followed: [],
    };
    this.sent.push(sent);
    timeline.add('submission', `sent: ${kind} of ${user}`, id);
    if (submission.cancelAfter !== null) this.track(this.cancel(sent, submission.cancelAfter));
    const clients = submission.twice ? 2 : 1;
    sent.followed = await Promise.all(
      Array.from({ length: clients }, (_, client) => this.followOne(sent, client)),
    );
    sent.endedAt = Date.now();
    return sent;
  }

  private async run(): Promise<void> {
    const { random, rate, users } = this.settings;
    while (!this.stopped) {
      if (this.underWay.size >= MOST_IN_FLIGHT) this.heldBack++;
      else if (random.between(1, 100) <= PERCENT_ROLLBACKS) this.track(this.rollBack(random.pick(users)));
      else this.track(this.send(drawProgram(random), random.pick(users)));
      await wait((1_000 / rate) * (0.5 + random.next()));
    }
  }

  private track(work: Promise<unknown>): void {
    const tracked: Promise<unknown> = work
      .catch((error: unknown) => this.settings.timeline.add('run', `the driver failed: ${String(error)}`))
      .finally(() => this.underWay.delete(tracked));
    this.underWay.add(tracked);
  }

  private followOne(sent: Sent, client: number): Promise<Followed> {
    const { platform, random, timeline, faultsOf } = this.settings;
    const { urls, apiKey } = platform;
    const first = random.chance(0.5) ? client : client + 1;
    return follow({
      urls: first % 2 === 0 ? urls : [...urls].reverse(),
      apiKey,
      submissionId: sent.id,
      message: { ...sent.submission.message, user_id: sent.user, submission_id: sent.id },
      drops: random,
      deadline: sent.sentAt + LOST_AFTER_MS,
      faultsOf,
      onFrame: (frame) => {
        const { type, stage, state, status, reason, step } = frame;
        if (type === 'output') return;
        const words = [type, stage, state, step, status, reason].filter((word) => typeof word === 'string');
        timeline.add('submission', `client ${client + 1}: ${words.join(' ')}`, sent.id);
      },
    });
  }

  private async cancel(sent: Sent, afterMs: number): Promise<void> {
    const { timeline } = this.settings;
    await wait(afterMs);
    const client = this.client(0);
    try {
      const { state } = await client.cancel(sent.id);
      sent.cancelAsked = true;
      timeline.add('submission', `cancel: ${state}`, sent.id);
    } catch (error) {
      // The request may have arrived although its response did not.
      if (!(error instanceof ApiError || error instanceof Unreachable)) throw error;
      if (!(error instanceof ApiError && error.code === 'not_found')) sent.cancelAsked = true;
      timeline.add('submission', `cancel: ${error.message}`, sent.id);
    }
  }

  /** Requests a rollback to a program of this user that was deployed earlier. */
  private async rollBack(user: string): Promise<void> {
    const { random, timeline } = this.settings;
    const deployed = this.sent.filter(
      (one) => one.user === user && one.followed[0]?.final?.status === 'deployed',
    );
    if (deployed.length === 0) return;
    const target = random.pick(deployed).id;
    const asked: RollbackAsked = { user, target, askedAt: Date.now() };
    this.rollbacks.push(asked);
    try {
      const { status, message } = await this.client(random.between(0, 1)).rollback(user, target);
      timeline.add('submission', `rolled back to: ${status}: ${message}`, target);
    } catch (error) {
      // If it was started, it is found in Temporal.
      if (!(error instanceof ApiError || error instanceof Unreachable || error instanceof TypeError))
        throw error;
      timeline.add('submission', `rolled back to: ${error.message}`, target);
    }
  }

  private client(place: number): OrchestrationClient {
    const { urls, apiKey } = this.settings.platform;
    return new OrchestrationClient({ url: urls[place]!, key: apiKey });
  }
}
