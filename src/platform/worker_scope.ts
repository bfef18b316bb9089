/** A worker thread seen from inside. */

/** The part of its global scope that is used: messages of type `In` come, others go. */
export interface WorkerScope<In> {
  onmessage: ((event: MessageEvent<In>) => void) | null;
  /** @param transfer what goes over instead of being copied */
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}

/** Of the worker that this thread is. */
export function workerScope<In>(): WorkerScope<In> {
  return globalThis as unknown as WorkerScope<In>;
}
