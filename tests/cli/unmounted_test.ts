/** A disk that goes away in the middle of a run: words, and the next run is fine. */
import { doesNotMatch, match, strictEqual } from "node:assert/strict";
import { namesIn } from "../support/killing.ts";
import { CAN_MOUNT } from "../support/mounts.ts";
import { run } from "../support/world.ts";
import { Place } from "./program.ts";

const DIRECTORIES = 20, FILES = 40;

/** A place whose storage, or source, is a disk of its own, with a pipe in the source that holds a backup up. */
class Disks extends Place {
  readonly #mounted = new Set<string>();

  override [Symbol.dispose](): void {
    for (const point of this.#mounted) this.unmount(point);
    super[Symbol.dispose]();
  }

  mount(point: string): void {
    Deno.mkdirSync(point, { recursive: true });
    run("mount", "-t", "tmpfs", "none", point);
    this.#mounted.add(point);
  }

  unmount(point: string): void {
    run("umount", "-l", point);
    this.#mounted.delete(point);
  }

  fill(): void {
    for (let d = 0; d < DIRECTORIES; d++) {
      Deno.mkdirSync(`${this.source}/${d}`);
      for (let f = 0; f < FILES; f++) Deno.writeTextFileSync(`${this.source}/${d}/${f}`, `${d} ${f} `.repeat(2000));
    }
  }

  /** Runs the program, and takes the disk at `point` away once `isAtWork` says so. */
  async runWithout(
    point: string,
    isAtWork: () => boolean,
    ...args: string[]
  ): Promise<{ code: number; stderr: string }> {
    const output = this.command(...args).output();
    let isRunning = true;
    output.finally(() => isRunning = false);
    while (isRunning && !isAtWork()) await new Promise((wake) => setTimeout(wake, 1));
    strictEqual(isRunning, true, "it ended before the disk went away");
    this.unmount(point);
    const { code, stderr } = await output;
    return { code, stderr: new TextDecoder().decode(stderr) };
  }
}

const NO_WORDS = /This is a bug|Uncaught|panicked|^ {4}at /m;

Deno.test({
  name: "a storage that is unmounted in the middle of a backup ends it with words, and the next run is fine",
  ignore: !CAN_MOUNT,
  async fn() {
    using place = new Disks();
    place.mount(place.storage);
    place.fill();
    await place.expect(0, "init");
    const isAtWork = () => namesIn(`${place.storage}/tmp`).some((name) => name.startsWith("backup-tool-tree-"));
    const { code, stderr } = await place.runWithout(place.storage, isAtWork, "backup", "source");
    // What is open stays usable after a lazy unmount: it may even come to its end.
    if (code !== 0) match(stderr, /^backup-tool: Cannot .* "[^"]*storage[^"]*": [^\n]*$/m);
    doesNotMatch(stderr, NO_WORDS);
    await place.fault(10, "no-storage", "snapshots");
    place.mount(place.storage);
    await place.expect(0, "backup", "source", "--init");
    await place.expect(0, "check", "--read-data");
  },
});

Deno.test({
  name: "a source that is unmounted in the middle of its backup is a problem, and the next run completes it",
  ignore: !CAN_MOUNT,
  async fn() {
    using place = new Disks();
    place.mount(place.source);
    place.fill();
    await place.expect(0, "init");
    const isAtWork = () => namesIn(`${place.storage}/tmp`).some((name) => name.startsWith("backup-tool-tree-"));
    const { code, stderr } = await place.runWithout(place.source, isAtWork, "backup", "source");
    strictEqual([0, 1, 3].includes(code), true, `${code} ${stderr}`);
    doesNotMatch(stderr, NO_WORDS);
    place.mount(place.source);
    place.fill();
    await place.expect(0, "backup", "source");
    await place.expect(0, "check", "--read-data");
    await place.expect(0, "restore", "latest", "--target", "out");
    strictEqual(run("diff", "-r", place.source, `${place.base}/out`), "");
  },
});
