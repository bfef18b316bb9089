/** Watches a directory for changes. Only a hint: bursts may be lost, and some file systems report nothing. */
import { type Raw, textOf } from "../core/raw.ts";

export interface Watch extends Disposable {
  /** False if the system doesn't report changes, or has stopped reporting them. */
  readonly hears: boolean;
}

/** Calls `changed` after each change in the directory that the system reports, until disposed. */
export function watchDirectory(path: Raw, changed: () => void): Watch {
  let watcher: Deno.FsWatcher;
  try {
    watcher = Deno.watchFs(textOf(path), { recursive: false });
  } catch {
    // No more watches, or none on this file system: whoever asks also looks for himself now and then.
    return { hears: false, [Symbol.dispose]: () => {} };
  }
  let hears = true;
  const end = () => void (hears = false);
  listen(watcher, changed).then(end, end);
  return {
    get hears() {
      return hears;
    },
    [Symbol.dispose]: () => watcher.close(),
  };
}

async function listen(watcher: Deno.FsWatcher, changed: () => void): Promise<void> {
  for await (const { kind } of watcher) if (kind !== "access") changed();
}
