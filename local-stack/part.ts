/** One thing that the stack starts and stops: a server, the node, the volume provisioner. */
export interface Part {
  /** As it appears in progress lines, logs and errors. */
  readonly name: string;
  /** Starts it. Resolves as soon as `ready` may be asked. */
  start(): Promise<void>;
  /** Resolves when it serves; rejects with the reason when it died or took too long. */
  ready(): Promise<void>;
  /**
   * Ends it and everything it made. Does nothing when it does not run; a second call with 0 hurries the first.
   * @param graceMilliseconds - how long it may take to end by itself; the part knows its own default.
   */
  stop(graceMilliseconds?: number): Promise<void>;
}

/** Starts a part and waits until it serves. */
export async function startAndWait(part: Part): Promise<void> {
  await part.start();
  await part.ready();
}
