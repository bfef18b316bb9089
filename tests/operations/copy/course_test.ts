/** What a copy hands over in batches arrives in order, whatever order the receiver finishes in. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type ContentId, contentIdOf, hunkIdOf, rootIdOf } from "../../../src/core/content_id.ts";
import { hashBytes } from "../../../src/core/digest.ts";
import { Interrupted } from "../../../src/core/fault.ts";
import { Course } from "../../../src/operations/copy/course.ts";
import { hunkOf } from "../../../src/operations/copy/copied_snapshot.ts";
import { encodeLine, statPrefix } from "../../../src/snapshot/entry_line.ts";
import { parseLine } from "../../../src/snapshot/entry_line.ts";
import type { HunkWithBytes, ReceivedFile, SnapshotReceiver } from "../../../src/snapshot/snapshot_sink.ts";
import { parseApath } from "../../../src/core/apath.ts";

const FILE_BYTES = 1024 * 1024;

function contentOf(n: number): ContentId {
  return contentIdOf(hashBytes("sha256", new TextEncoder().encode(`${n}`)));
}

function lineOf(n: number): string {
  const facts = {
    kind: "file",
    size: FILE_BYTES,
    mode: 0o644,
    uid: 1,
    gid: 1,
    mtime: "0",
    ctime: "0",
    inode: "1",
  } as const;
  const head = statPrefix(parseApath(`/${String(n).padStart(4, "0")}`), facts as never);
  return encodeLine(head, { content: contentOf(n) });
}

function fileOf(n: number): ReceivedFile {
  return { content: contentOf(n), entry: parseLine(lineOf(n)), open: () => [] };
}

/** Answers when it is told to. */
class SlowReceiver implements SnapshotReceiver {
  readonly width: number;
  readonly adds: { readonly files: number; readonly answer: PromiseWithResolvers<readonly "stored"[]> }[] = [];
  readonly durable: (readonly [hunks: number, tail: number | undefined])[] = [];
  committed = -1;

  constructor(width: number) {
    this.width = width;
  }

  add(batch: readonly ReceivedFile[]): Promise<readonly "stored"[]> {
    const answer = Promise.withResolvers<readonly "stored"[]>();
    this.adds.push({ files: batch.length, answer });
    return answer.promise;
  }

  answer(at: number): void {
    const { files, answer } = this.adds[at]!;
    answer.resolve(Array(files).fill("stored"));
  }

  checkpoint(hunks: readonly HunkWithBytes[], tail?: HunkWithBytes): Promise<void> {
    this.durable.push([hunks.length, tail?.ref.count]);
    return Promise.resolve();
  }

  commit(hunks: readonly HunkWithBytes[]) {
    this.committed = hunks.length;
    return Promise.resolve(rootIdOf(hashBytes("sha256", new Uint8Array(1))));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function onCourse(n: number, linesBefore: number, arrived: number[]) {
  const lines = Array.from({ length: n - linesBefore + 1 }, (_, i) => lineOf(linesBefore + i));
  return { file: fileOf(n), beginning: () => hunkOf(lines, "sha256"), arrived: () => void arrived.push(n) };
}

Deno.test("batches are in progress at once, and their files arrive in order", async () => {
  const receiver = new SlowReceiver(3), arrived: number[] = [];
  await using course = new Course(receiver);
  // Two files are a batch, and the third batch is one too many to go on without waiting.
  for (let n = 0; n < 5; n++) await course.addFile(onCourse(n, 0, arrived));
  strictEqual(receiver.adds.length, 2);
  receiver.answer(1);
  await Promise.resolve();
  deepStrictEqual(arrived, []);
  const more = course.addFile(onCourse(5, 0, arrived));
  receiver.answer(0);
  await more;
  ok(arrived.join().startsWith("0,1"), arrived.join());
  receiver.answer(2);
  await course.checkpoint();
  deepStrictEqual([arrived, receiver.durable], [[0, 1, 2, 3, 4, 5], [[0, 6]]]);
});

Deno.test("a hunk arrives with the last of its files, wherever batches end", async () => {
  for (const filesOfHunk of [1, 2, 3, 4]) {
    const receiver = new SlowReceiver(1), arrived: number[] = [];
    receiver.add = (batch) => Promise.resolve(batch.map(() => "stored" as const));
    await using course = new Course(receiver);
    for (let n = 0; n < filesOfHunk; n++) await course.addFile(onCourse(n, 0, arrived));
    const lines = Array.from({ length: filesOfHunk }, (_, n) => lineOf(n));
    course.addHunk(hunkOf(lines, "sha256"));
    await course.addFile(onCourse(filesOfHunk, filesOfHunk, arrived));
    await course.checkpoint();
    deepStrictEqual(receiver.durable, [[1, 1]], `${filesOfHunk} files`);
    deepStrictEqual(course.hunks, [hunkIdOf(hunkOf(lines, "sha256").ref.id.slice(0, 64))]);
    await course.commit();
    strictEqual(receiver.committed, 0);
  }
});

Deno.test("a batch that fails stops those after it, and nothing is left in progress", async () => {
  const receiver = new SlowReceiver(3), arrived: number[] = [];
  let isOver = false;
  {
    await using course = new Course(receiver);
    for (let n = 0; n < 4; n++) await course.addFile(onCourse(n, 0, arrived));
    receiver.adds[0]!.answer.reject(new Error("broken"));
    await rejects(course.arrive(), { message: "broken" });
    await rejects(course.keep(), { message: "broken" });
    queueMicrotask(() => (isOver = true, receiver.answer(1)));
  }
  deepStrictEqual([isOver, arrived, receiver.durable], [true, [], []]);
});

Deno.test("after an interruption, what arrived before it is kept", async () => {
  const receiver = new SlowReceiver(3), arrived: number[] = [];
  await using course = new Course(receiver);
  for (let n = 0; n < 4; n++) await course.addFile(onCourse(n, 0, arrived));
  receiver.answer(0);
  receiver.adds[1]!.answer.reject(new Interrupted());
  await rejects(course.arrive(), { code: "interrupted" });
  await course.keep();
  deepStrictEqual([arrived, receiver.durable], [[0, 1], [[0, 2]]]);
});
