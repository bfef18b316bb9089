/** A worker thread, seen from inside. */

/** The part of its global scope that is used: it receives messages of type `In`, and sends others. */
export interface WorkerScope<In> {
  onmessage: ((event: MessageEvent<In>) => void) | null;
  /** @param transfer buffers to transfer instead of copying */
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}

/** The scope of this worker. */
export function workerScope<In>(): WorkerScope<In> {
  return globalThis as unknown as WorkerScope<In>;
}
