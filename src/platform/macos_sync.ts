/** Makes a whole volume durable on macOS, where sync(2) only starts writing. */

/** SYNC_VOLUME_FULLSYNC | SYNC_VOLUME_WAIT of <sys/fsctl.h>: also the cache of the disk, and to the end. */
const TO_THE_END = 3;

/** @returns false if the system has no such call, or the volume rejects it */
export async function syncVolume(path: string): Promise<boolean> {
  if (Deno.build.os !== "darwin" || Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return false;
  try {
    using library = disposable(Deno.dlopen("/usr/lib/libSystem.B.dylib", {
      // May take seconds: on a thread of its own.
      sync_volume_np: { parameters: ["buffer", "i32"], result: "i32", nonblocking: true },
    }));
    return await library.symbols.sync_volume_np(new TextEncoder().encode(`${path}\0`), TO_THE_END) === 0;
  } catch {
    return false;
  }
}

function disposable<T extends { close(): void }>(library: T): T & Disposable {
  return Object.assign(library, { [Symbol.dispose]: () => library.close() });
}
