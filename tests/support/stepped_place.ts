/**
 * A place whose requests wait for their turn: one at a time is carried out, and whose it is, a seed decides. An actor that
 * crashes gets no answer any more; one that sleeps gets it late.
 */
import { setImmediate } from "node:timers/promises";
import type { Backend, ObjectKey, ObjectKind } from "../../src/backend/backend.ts";
import type { Random } from "../../src/core/clock.ts";
import type { Verb } from "../../src/backend/counting.ts";
import { around } from "../../src/backend/decorator.ts";
import { PlaceUnavailable } from "../../src/backend/faults.ts";
import { MemoryObjects, openMemory } from "../../src/backend/memory.ts";

/** Small and good enough: xorshift32. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed + 1, 2654435761) >>> 0) || 1;
    for (let i = 0; i < 8; i++) this.#next();
  }

  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return this.#state = x >>> 0;
  }

  /** From 0 to below 1. */
  share(): number {
    return this.#next() / 2 ** 32;
  }

  below(count: number): number {
    return this.#next() % count;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  sample<T>(list: readonly T[], count: number): T[] {
    const rest = [...list];
    return Array.from({ length: count }, () => rest.splice(this.below(rest.length), 1)[0]!);
  }

  shuffled<T>(list: readonly T[]): T[] {
    return this.sample(list, list.length);
  }

  readonly random: Random = (bytes) => Uint8Array.from({ length: bytes }, () => this.below(256));
}

/** A request that waits. */
export interface Waiting {
  readonly verb: Verb;
  readonly target: ObjectKey | ObjectKind;
}

/** Who makes requests: a command on some machine. */
export class Actor {
  readonly name: string;
  readonly kind: string;
  /** Number of requests so far. */
  steps = 0;
  /** It isn't asked for before that step. */
  asleepUntil = 0;
  isDone = false;
  /** What it works on, if others mustn't. */
  subject: string | undefined;
  /** Code of the fault that it ended with. */
  end: string | undefined;
  readonly #waiting: (Waiting & { readonly go: () => void })[] = [];

  constructor(kind: string, name: string) {
    this.kind = kind;
    this.name = name;
  }

  get next(): Waiting | undefined {
    return this.#waiting[0];
  }

  turn(waiting: Waiting): Promise<void> {
    return new Promise((go) => this.#waiting.push({ ...waiting, go }));
  }

  /** Lets the oldest request happen, and all that follows from it until there is another. */
  async step(): Promise<Waiting | undefined> {
    const waiting = this.#waiting.shift();
    waiting?.go();
    this.steps++;
    await this.settle();
    return waiting;
  }

  /** Microtasks are enough in general: nothing that actors do takes time, but for their requests. */
  async settle(): Promise<void> {
    for (let i = 0; i < TICKS; i++) await null;
    for (let i = 0; i < PATIENCE && !this.isDone && this.next === undefined; i++) await setImmediate();
  }
}

/** Between one request and the next. */
const TICKS = 60;
const PATIENCE = 1000;

export interface Steps {
  /** Told before a request is carried out. @returns false: it only seems to have been */
  readonly allow?: (request: Waiting) => boolean;
  /** Whether the request that has its turn fails, and when. */
  readonly failure?: () => "before" | "after" | undefined;
  /** What an actor sees of a list, instead of all. */
  readonly listed?: (kind: ObjectKind, names: ReadonlyMap<string, number>) => ReadonlyMap<string, number>;
}

/** The place as an actor sees it. @param nowMs the time there */
export function steppedPlace(objects: MemoryObjects, actor: Actor, nowMs: () => number, steps: Steps = {}): Backend {
  const inner = openMemory(objects, nowMs), { listed = (_kind, names) => names } = steps;
  const { allow = () => true, failure = () => undefined } = steps;
  const turn = async <T>(waiting: Waiting, action: () => Promise<T>, otherwise?: T): Promise<T> => {
    await actor.turn(waiting);
    const failed = failure(), what = `${waiting.verb} ${waiting.target}`;
    if (failed === "before") throw new PlaceUnavailable(what, "the connection was refused");
    const result = otherwise === undefined || allow(waiting) ? await action() : otherwise;
    if (failed === "after") throw new PlaceUnavailable(what, "the answer was lost");
    return result;
  };
  return around(inner, {
    put: (target, body) => turn({ verb: "put", target }, () => inner.put(target, body), "stored"),
    get: (target, options) => turn({ verb: "get", target }, () => inner.get(target, options)),
    head: (target) => turn({ verb: "head", target }, () => inner.head(target)),
    async *list(target) {
      const all = await turn({ verb: "list", target }, () => Array.fromAsync(inner.list(target)));
      for (const [name, size] of listed(target, new Map(all.map(({ name, size }) => [name, size])))) {
        yield { name, size };
      }
    },
    remove: async (target) => {
      await turn({ verb: "remove", target }, () => inner.remove(target).then(() => true), false);
    },
  });
}
