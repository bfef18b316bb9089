/** Random histories: who begins what when, and what goes wrong, is all in a seed. */
import { EVERY_RULE, PruneWorld, type Rules, STEP_MS } from "./prune_world.ts";
import { CONTENTS } from "./prune_world.ts";
import type { Actor } from "./stepped_place.ts";

export interface Situation {
  readonly rules: Partial<Rules>;
  /** In requests. */
  readonly grace: number;
  readonly prunes: number;
  /** Share of requests after which an actor crashes. */
  readonly crash: number;
  readonly deleteFails: number;
  /** First letters of actors that sleep now and then. */
  readonly sleepers: string;
  /** Requests for which a list doesn't show what was stored. */
  readonly listsLate: number;
  /** An object of the index is lost in some request about then; 0: none. */
  readonly loseIndexAt: number;
}

export const CALM: Situation = {
  rules: {},
  grace: 0,
  prunes: 8,
  crash: 0,
  deleteFails: 0,
  sleepers: "",
  listsLate: 0,
  loseIndexAt: 0,
};

export interface Outcome {
  /** Snapshots that were said to be saved, and have lost something. */
  readonly broken: number;
  readonly world: PruneWorld;
}

const WRITERS = 3, BACKUPS = 3, FORGETS = 4, REPAIRS = 1;
/** Those that keep each other out. */
const LEASED = ["pruner", "repairer"];
const SERIES = ["one", "two"];
const SAME_SHARE = 0.3, BEGIN_SHARE = 0.04, SLEEP_SHARE = 0.02;
/** Requests for which somebody sleeps. The longest is more than a lease is good for. */
const SLEEPS = [10, 60, 400];
/** What waits for something that never comes is a bug of the test. */
const MOST_STEPS = 100_000;

export async function history(seed: number, changes: Partial<Situation>): Promise<Outcome> {
  const situation = { ...CALM, ...changes };
  using world = await PruneWorld.make({
    seed,
    rules: { ...EVERY_RULE, ...situation.rules },
    graceMs: situation.grace * STEP_MS,
    keepUnusedMs: 0,
    deleteFails: situation.deleteFails,
    listsLate: situation.listsLate,
    smallUnits: seed % 2 === 1,
  });
  await new History(world, situation).run();
  const { bugs } = world;
  if (bugs.length > 0) throw new Error(`history ${seed} met a bug: ${(bugs[0] as Error).stack}`);
  return { broken: (await world.broken(situation.loseIndexAt > 0 ? "bytes" : "lines")).length, world };
}

class History {
  readonly #world: PruneWorld;
  readonly #situation: Situation;
  #running: Actor[] = [];
  /** What snapshots had in them before: others may have the same. */
  readonly #used: (readonly number[])[] = [];

  constructor(world: PruneWorld, situation: Situation) {
    this.#world = world;
    this.#situation = situation;
  }

  async run(): Promise<void> {
    const { dice } = this.#world, { prunes } = this.#situation;
    for (const kind of ["writer", "backup"]) await this.#world.finish(await this.#begin(kind));
    this.#running = [];
    const todo = dice.shuffled([
      ...Array<string>(WRITERS).fill("writer"),
      ...Array<string>(BACKUPS).fill("backup"),
      ...Array<string>(FORGETS).fill("forgetter"),
      ...Array<string>(REPAIRS).fill("repairer"),
      ...Array<string>(prunes).fill("pruner"),
    ]);
    while (todo.length + this.#running.length > 0) {
      if (this.#world.time++ > MOST_STEPS) throw new Error("nothing goes on");
      await this.#turn(todo);
    }
  }

  async #turn(todo: string[]): Promise<void> {
    const { dice } = this.#world, world = this.#world;
    if (world.time === this.#situation.loseIndexAt) world.loseIndexObject();
    const awake = this.#running.filter((actor) => actor.asleepUntil <= world.time);
    if (awake.length === 0 && todo.length === 0) {
      world.time = Math.min(...this.#running.map((actor) => actor.asleepUntil));
    }
    const hasLease = awake.some(({ kind }) => LEASED.includes(kind));
    if (todo.length > 0 && (awake.length === 0 || dice.share() < BEGIN_SHARE)) {
      const kind = todo.pop()!;
      // The lease would send a second one away: it comes later.
      if (LEASED.includes(kind) && hasLease) todo.splice(dice.below(todo.length + 1), 0, kind);
      else this.#running.push(await this.#begin(kind));
    } else if (awake.length > 0) await this.#step(dice.pick(awake), todo);
  }

  async #step(actor: Actor, todo: string[]): Promise<void> {
    const { dice } = this.#world, { crash, sleepers } = this.#situation;
    await actor.step();
    const ends = actor.isDone || dice.share() < crash;
    if (ends) this.#running = this.#running.filter((other) => other !== actor);
    if (actor.end === "vault-busy") todo.splice(dice.below(todo.length + 1), 0, actor.kind);
    else if (sleepers.includes(actor.kind[0]!) && dice.share() < SLEEP_SHARE) {
      actor.asleepUntil = this.#world.time + dice.pick(SLEEPS);
    }
  }

  async #begin(kind: string): Promise<Actor> {
    const { dice } = this.#world;
    if (kind === "pruner") return await this.#world.prune();
    if (kind === "repairer") return await this.#world.repair();
    if (kind === "forgetter") return await this.#world.forget();
    const contents = this.#used.length > 0 && dice.share() < SAME_SHARE
      ? dice.pick(this.#used)
      : dice.sample(Array.from(CONTENTS, (_, i) => i), 2 + dice.below(5));
    this.#used.push(contents);
    if (kind === "writer") return await this.#world.write(contents);
    // The next one of a series that is being backed up would change its source.
    const [series] = dice.shuffled(SERIES).filter((name) => this.#running.every((actor) => actor.subject !== name));
    if (series === undefined) return await this.#world.write(contents);
    const actor = await this.#world.backUp(series, contents);
    actor.subject = series;
    return actor;
  }
}
