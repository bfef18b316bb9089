/** Runs several jobs at once, as far as memory allows, and returns results in order. */

export interface PipelineLimits<J> {
  /** Most jobs at once. */
  readonly width: number;
  /** Most memory in bytes of all jobs in progress; a larger job runs alone. */
  readonly bytes: number;
  readonly bytesOf: (job: J) => number;
}

/** @param jobs taken one by one when there is room. When this ends, for whatever reason, no job is running */
export async function* pipeline<J, R>(
  jobs: Iterable<J>,
  run: (job: J) => Promise<R>,
  limits: PipelineLimits<J>,
): AsyncGenerator<R> {
  const underWay: { readonly bytes: number; readonly result: Promise<R> }[] = [];
  let bytes = 0;
  const oldest = async (): Promise<R> => {
    const first = underWay[0]!, result = await first.result;
    underWay.shift();
    bytes -= first.bytes;
    return result;
  };
  try {
    for (const job of jobs) {
      const more = limits.bytesOf(job);
      while (underWay.length >= limits.width || (underWay.length > 0 && bytes + more > limits.bytes)) {
        yield await oldest();
      }
      const result = run(job);
      result.catch(() => {}); // awaited in order; until then a failure is no unhandled one
      underWay.push({ bytes: more, result });
      bytes += more;
    }
    while (underWay.length > 0) yield await oldest();
  } finally {
    await Promise.allSettled(underWay.map(({ result }) => result));
  }
}
