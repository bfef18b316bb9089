/** No false alarm in years of simulated use, and none missed in simulated encryptions and mistakes. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type ChangeFigures, type SampledFigures, shareOf, unusualChange } from "../../src/core/unusual_change.ts";
import { Dice } from "../support/stepped_place.ts";

const DAYS = 365, SEEDS = 20;
const QUIET: SampledFigures = { sampled: 0, scrambled: 0 };

/** Somebody's files: how many there are at first, and what becomes of them on a day. */
interface Person {
  readonly files: number;
  readonly day: (day: number, files: number, dice: Dice) => Day;
}

interface Day {
  readonly changed: number;
  readonly gone: number;
  readonly added: number;
  /** Share of the changed files that look like random bytes and did not before, as some always do. */
  readonly scrambledShare?: number;
  readonly renamed?: number;
}

const isWeekend = (day: number) => day % 7 > 4;

const PEOPLE: Readonly<Record<string, Person>> = {
  // Hardly anything changes; an import of hundreds of pictures now and then, and each quarter new tags in a fifth of them.
  photos: {
    files: 8000,
    day: (day, files, dice) => {
      const imports = dice.share() < 0.05 ? dice.below(800) : 0;
      if (day % 91 === 90) return { changed: Math.floor(files * 0.2), gone: dice.below(50), added: imports };
      return { changed: dice.below(4), gone: dice.share() < 0.03 ? dice.below(300) : 0, added: imports };
    },
  },
  // An office: letters on weekdays, tidied up at the end of a year.
  documents: {
    files: 3000,
    day: (day, files, dice) => {
      if (isWeekend(day)) return { changed: dice.below(3), gone: 0, added: dice.below(2) };
      const tidied = day === 355 ? Math.floor(files * 0.15) : dice.below(6);
      return { changed: 5 + dice.below(40), gone: tidied, added: dice.below(25), scrambledShare: 0.04 };
    },
  },
  // Working copies, and what builds make: much changes, and whole directories go when a branch is changed.
  developer: {
    files: 40_000,
    day: (day, files, dice) => {
      if (isWeekend(day)) return { changed: dice.below(200), gone: 0, added: 0 };
      const isSwitch = dice.share() < 0.1, share = isSwitch ? 0.02 + dice.share() * 0.12 : dice.share() * 0.02;
      return {
        changed: Math.floor(files * share),
        gone: Math.floor(files * share / 2),
        added: Math.floor(files * share / 2),
      };
    },
  },
  // Each message is a file; flags are in its name, so that reading one removes a name and adds another.
  mail: {
    files: 20_000,
    day: (_, __, dice) => ({
      changed: dice.below(30),
      gone: dice.below(250),
      added: dice.below(300),
      scrambledShare: 0.05,
    }),
  },
  // Dumps of databases and logs: nearly all files change, every day.
  server: {
    files: 120,
    day: (_, files, dice) => ({
      changed: Math.floor(files * (0.7 + dice.share() * 0.25)),
      gone: dice.below(3),
      added: dice.below(3),
      scrambledShare: 0.1,
      renamed: dice.below(3),
    }),
  },
  // So few that nothing can be said.
  notes: {
    files: 12,
    day: (_, files, dice) => ({ changed: dice.below(files), gone: dice.below(3), added: dice.below(3) }),
  },
};

/** The life of a series: figures of each day, and whether there was an alarm. */
class Life {
  files: number;
  readonly history: ChangeFigures[] = [];
  readonly #person: Person;
  readonly #dice: Dice;

  constructor(person: Person, seed: number) {
    this.#person = person;
    this.#dice = new Dice(seed);
    this.files = person.files;
  }

  /** @returns whether a normal day raises an alarm */
  pass(day: number): boolean {
    const { changed, gone, added, scrambledShare = 0.02, renamed = 0 } = this.#person.day(day, this.files, this.#dice);
    const figures = { files: this.files, changed, gone: Math.min(gone, this.files), renamed };
    const sampled = Math.min(24, changed);
    let scrambled = 0;
    for (let i = 0; i < sampled; i++) if (this.#dice.share() < scrambledShare) scrambled++;
    const alarm = unusualChange(figures, changed >= 20 ? { sampled, scrambled } : QUIET, this.history);
    this.history.push(figures);
    this.files += added - figures.gone;
    return alarm !== undefined;
  }
}

for (const [name, person] of Object.entries(PEOPLE)) {
  Deno.test(`A year of normal use raises no alarm: ${name}`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const life = new Life(person, seed), alarms: number[] = [];
      for (let day = 0; day < DAYS; day++) if (life.pass(day)) alarms.push(day);
      deepStrictEqual(alarms, [], `seed ${seed}: ${alarms.map((day) => shareOf(life.history[day]!, "changed"))}`);
    }
  });
}

/** What ransomware does to a share of the files, in one go between two backups. */
const ATTACKS: Readonly<Record<string, (files: number, share: number, dice: Dice) => [ChangeFigures, SampledFigures]>> =
  {
    "in place": (files, share, dice) => {
      const changed = Math.ceil(files * share), sampled = Math.min(24, changed);
      // Some files looked like that before, and have no signature.
      return [{ files, changed, gone: 0, renamed: 0 }, {
        sampled,
        scrambled: sampled - dice.below(Math.ceil(sampled / 3)),
      }];
    },
    "with a new suffix": (files, share) => {
      const gone = Math.ceil(files * share);
      return [{ files, changed: 0, gone, renamed: gone }, QUIET];
    },
    "beside what is normal on that day": (files, share, dice) => {
      const encrypted = Math.ceil(files * share),
        others = dice.below(Math.ceil(encrypted / 2)),
        changed = encrypted + others;
      const sampled = Math.min(24, changed);
      return [{ files, changed, gone: 0, renamed: 0 }, {
        sampled,
        scrambled: Math.round(sampled * encrypted / changed),
      }];
    },
  };

for (const [how, attack] of Object.entries(ATTACKS)) {
  Deno.test(`An encryption is never missed: ${how}`, () => {
    for (const [name, person] of Object.entries(PEOPLE)) {
      if (person.files < 100) continue;
      for (let seed = 0; seed < SEEDS; seed++) {
        const dice = new Dice(seed), life = new Life(person, seed), day = dice.below(DAYS);
        for (let past = 0; past < day; past++) life.pass(past);
        for (const share of [1, 0.5, 0.2, 0.05]) {
          if (life.files * share < 20) continue;
          const [figures, sample] = attack(life.files, share, dice);
          const alarm = unusualChange(figures, sample, life.history);
          ok(alarm !== undefined, `${name}, seed ${seed}, day ${day}, ${share}`);
          strictEqual(alarm.acknowledged, false);
        }
      }
    }
  });
}

Deno.test("Most files gone, or replaced, are never missed where that isn't usual", () => {
  for (const name of ["photos", "documents", "developer", "mail"]) {
    const person = PEOPLE[name]!;
    for (let seed = 0; seed < SEEDS; seed++) {
      const life = new Life(person, seed);
      for (let day = 0; day < 100; day++) life.pass(day);
      for (const share of [1, 0.8, 0.6]) {
        const figures = { files: life.files, changed: 0, gone: Math.ceil(life.files * share), renamed: 0 };
        deepStrictEqual(unusualChange(figures, QUIET, life.history)?.reasons, ["gone"], `${name} ${share}`);
      }
    }
  }
});

Deno.test("An acknowledged reorganization is usual from then on, and more than that is not", () => {
  const many = (share: number) => ({ files: 1000, changed: 0, gone: 1000 * share, renamed: 0 });
  const history = [...Array.from({ length: 30 }, () => many(0.01)), many(0.6)];
  deepStrictEqual(unusualChange(many(0.61), QUIET, history), undefined);
  deepStrictEqual(unusualChange(many(0.9), QUIET, history)?.usualGone, 60);
});
