/**
 * Twenty things that people do with backups, as they see them at a terminal 80 columns wide, without its colours: one
 * file of expected/tasks/ each, which begins with what is better here than in restic, borg and rsync.
 * `UPDATE_EXPECTED=1 deno test` writes them anew.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import stringWidth from "string-width";
import { ExpectedWorld } from "./expected_world.ts";
import { fill, makePhotos, type Say } from "./scenarios.ts";

const DIRECTORY = new URL("expected/tasks/", import.meta.url);
const UPDATES = Deno.env.get("UPDATE_EXPECTED") === "1";
const WIDTH = 80;
const DAY = 24 * 60;

interface Task {
  /** Also the name of its file. */
  readonly title: string;
  readonly better: string;
  readonly does: (world: ExpectedWorld, say: Say) => Promise<void>;
}

const TASKS: readonly Task[] = [
  {
    title: "Make the first backup",
    better: "One command, and no password to choose; what was excluded is counted, and the tree can be opened at once.",
    does: async (world, say) => {
      makePhotos(world);
      await say("backup", "photos", "-s", "st", "--init", "--exclude", "*.tmp");
    },
  },
  {
    title: "Back up again",
    better: "Unchanged files are not read; the snapshot is left away if it would be the same.",
    does: async (world, say) => {
      await fill(world);
      world.write("photos/2026/rain.jpg", 30_000);
      await say("backup", "photos", "--exclude", "*.tmp");
      await say("backup", "photos", "--exclude", "*.tmp", "--skip-if-unchanged");
    },
  },
  {
    title: "List snapshots",
    better: "Fits 80 columns; tags, hosts and sources are shown where there are different ones.",
    does: async (world, say) => {
      await fill(world);
      await say("snapshots");
      await say("snapshots", "photos");
      await say("snapshots", "--tag", "nightly", "--last", "1");
      await say("snapshots", "--path", "letters");
    },
  },
  {
    title: "Look into a snapshot",
    better: "Lists a directory as `ls` does, not every path of the snapshot; as a tree, by size, or for ncdu as well.",
    does: async (world, say) => {
      await fill(world);
      await say("ls", "photos:latest", "-l");
      await say("ls", "photos:latest", "--tree", "--sort", "size");
    },
  },
  {
    title: "Find a lost file",
    better: "Every version of it in all snapshots at once, with the snapshots that have it.",
    does: async (world, say) => {
      await fill(world);
      await say("find", "hut*");
      await say("history", "/notes.txt");
    },
  },
  {
    title: "Restore one file",
    better:
      "Under any name, by its path in the snapshot or in the source; if it is not there any longer, where it was last.",
    does: async (world, say) => {
      await fill(world);
      await say("restore", "photos:latest:/notes.txt", "--as", "notes-as-they-were.txt");
      await say("restore", "photos:latest", "/2025/hut.jpg", "--target", "back");
    },
  },
  {
    title: "Restore a directory",
    better: "Never overwrites unasked; everything is verified while it is written; a dry run names each change.",
    does: async (world, say) => {
      await fill(world);
      await say("restore", "photos:latest", "/2025", "--target", "back", "--dry-run");
      await say("restore", "photos:latest", "/2025", "--target", "back");
      await say("restore", "photos:latest", "--target", "back");
      await say("restore", "photos:latest");
    },
  },
  {
    title: "Compare a snapshot with the disk",
    better: "The others compare snapshots with snapshots only.",
    does: async (world, say) => {
      await fill(world);
      world.write("photos/2026/rain.jpg", 30_000);
      Deno.removeSync(`${world.base}/photos/notes.txt`);
      world.settle();
      await say("diff", "photos:latest", "./photos");
    },
  },
  {
    title: "See what changed",
    better: "Moved files are recognised by their contents; `--stat` and `--name-only` as in git.",
    does: async (world, say) => {
      await fill(world);
      Deno.renameSync(`${world.base}/photos/2026/snow.jpg`, `${world.base}/photos/2025/snow.jpg`);
      world.clock.pass(DAY);
      world.settle();
      await world.transcript(["backup", "photos", "--quiet", "--exclude", "*.tmp"]);
      await say("diff", "photos:latest");
      await say("diff", "photos:latest~2", "photos:latest", "--stat");
      await say("diff", "photos:latest", "--name-only");
    },
  },
  {
    title: "Delete old snapshots",
    better: "For every snapshot the rule that keeps it; the space, before anything is deleted; refuses without rules.",
    does: async (world, say) => {
      await fill(world);
      await say("forget");
      await say("forget", "--keep-last", "1", "--dry-run", "--prune");
      await say("forget", "--keep-last", "1", "--prune");
    },
  },
  {
    title: "Check for damage",
    better:
      "One line with the figures; remembers when each file was verified last, so that a part each night is enough.",
    does: async (world, say) => {
      await fill(world);
      await say("check", "--read-data-subset", "50%");
      world.clock.pass(3 * DAY);
      await say("check", "--status");
      await say("check", "--read-data");
      await say("rebuild");
      await say("check", "--status");
    },
  },
  {
    title: "See how large it is",
    better: "What each snapshot added, what would go with it, and the largest files.",
    does: async (world, say) => {
      await fill(world);
      await say("stats");
    },
  },
  {
    title: "Ask why a file is not in the backup",
    better: "Names the pattern, as `git check-ignore -v` does; the others don't.",
    does: async (world, say) => {
      await fill(world);
      await say("plan", "photos", "--exclude", "*.tmp", "--why", "photos/thumbs.tmp");
    },
  },
  {
    title: "Try a backup first",
    better: "The same option as theirs, and the space that it would take, with the largest new files.",
    does: async (world, say) => {
      await fill(world);
      world.write("photos/2026/rain.jpg", 300_000);
      await say("backup", "photos", "--exclude", "*.tmp", "--dry-run");
    },
  },
  {
    title: "Name a path that doesn't exist",
    better: "No snapshot without the files is made.",
    does: async (world, say) => {
      await fill(world);
      await say("backup", "photso");
    },
  },
  {
    title: "Mistype",
    better: "The nearest word is proposed, also for those of other tools.",
    does: async (world, say) => {
      await fill(world);
      await say("bakcup", "photos");
      await say("backup", "photos", "--exlude", "*.tmp");
      await say("mount", "/mnt/x");
      await say("unlock");
    },
  },
  {
    title: "Forget where the storage is",
    better: "It says which disk may not be mounted, or how to create a storage.",
    does: async (_world, say) => {
      await say("snapshots", "-s", "nowhere");
      await say("snapshots");
    },
  },
  {
    title: "Lack a permission",
    better: "It says what can't be read, and what would help; the rest is backed up, and the exit status is 3.",
    does: async (world, say) => {
      await fill(world);
      world.refused = `${world.base}/st/db`;
      await say("snapshots");
      world.refused = `${world.base}/photos/notes.txt`;
      await say("backup", "photos", "--exclude", "*.tmp", "--force");
    },
  },
  {
    title: "Mistype a snapshot",
    better: "The nearest name, and for a day without a snapshot the ones before and after it.",
    does: async (world, say) => {
      await fill(world);
      await say("ls", "lastest");
      await say("ls", "1999-01-01");
      await say("ls", "2026-11-22");
    },
  },
  {
    title: "Forget to mount the disk",
    better: "An empty mount point is no storage, and the message says that it is empty.",
    does: async (world, say) => {
      makePhotos(world);
      Deno.mkdirSync(`${world.base}/disk`);
      await say("backup", "photos", "-s", "disk");
      await say("snapshots", "-s", "disk");
    },
  },
];

/** As a person reads it. */
function withoutColours(text: string): string {
  return text.replaceAll(/\\e\[[\d;]*m/g, "");
}

for (const [index, { title, better, does }] of TASKS.entries()) {
  const number = String(index + 1).padStart(2, "0");
  Deno.test(`Twenty tasks, ${number}: ${title}`, async () => {
    using world = new ExpectedWorld("terminal");
    const transcripts: string[] = [];
    await does(world, async (...args) => void transcripts.push(withoutColours(await world.transcript(args))));
    const text = `${title}\n\n${better}\n\n${transcripts.join("\n\n")}\n`;
    const file = new URL(`${number}-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}.txt`, DIRECTORY);
    if (UPDATES) Deno.writeTextFileSync(file, text);
    deepStrictEqual(text.split("\n"), Deno.readTextFileSync(file).split("\n"));
    // Messages may be longer: a terminal breaks them, and a program that looks for one finds it whole. So may paths be,
    // which come last.
    const shown = transcripts.join("\n").split("\n").filter((line) => !/^[$!] /.test(line))
      .map((line) => line.replace(/ (?:->|to) \S+$/, ""));
    deepStrictEqual(shown.filter((line) => stringWidth(line) > WIDTH), []);
  });
}

Deno.test("Twenty tasks: there is a file for each, and no other", () => {
  const files = [...Deno.readDirSync(DIRECTORY)].map(({ name }) => name).sort();
  strictEqual(files.length, TASKS.length);
  strictEqual(TASKS.length, 20);
});
