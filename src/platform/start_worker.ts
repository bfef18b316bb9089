/** A worker thread, seen from the thread that starts it. */

/** A running worker; terminated when disposed. */
export interface WorkerThread<Out> extends Disposable {
  post(message: Out): void;
}

export interface WorkerListener<In> {
  message(message: In): void;
  /** Called when the thread itself fails. @param why in words */
  failed(why: string): void;
}

/** Starts a worker. @param script URL of a module @param name the role of the worker, which the module can read */
export function startWorker<Out, In>(script: URL, name: string, listener: WorkerListener<In>): WorkerThread<Out> {
  const worker = new Worker(script, { type: "module", name });
  worker.onmessage = ({ data }: MessageEvent<In>) => listener.message(data);
  worker.onerror = (event) => {
    event.preventDefault();
    listener.failed(event.message);
  };
  return {
    post: (message) => worker.postMessage(message),
    [Symbol.dispose]: () => worker.terminate(),
  };
}
