/** Something that the stack starts and stops: a server, the node, the volume provisioner. */
export interface Part {
  /** The name in progress lines, logs and errors. */
  readonly name: string;
  /** Starts it. Resolves as soon as `ready` may be called. */
  start(): Promise<void>;
  /** Resolves when it is ready; rejects with the reason when it died or the deadline passed. */
  ready(): Promise<void>;
  /**
   * Stops it and everything it created. Does nothing when it is not running. A second call with a grace period of 0
   * forces it to stop at once.
   * @param graceMilliseconds - the grace period: how long it may take to end by itself before it is killed. Each
   *   part has its own default.
   */
  stop(graceMilliseconds?: number): Promise<void>;
}

/** Starts a part and waits until it is ready. */
export async function startAndWait(part: Part): Promise<void> {
  await part.start();
  await part.ready();
}
