/** What is done while somebody watches. Each fills one file of expected/. */
import type { ExpectedWorld } from "./expected_world.ts";

/** Runs a command in the scenario's world, and writes down what it says. */
export type Say = (...args: string[]) => Promise<void>;
export type Scenario = (world: ExpectedWorld, say: Say) => Promise<void>;

const MIB = 1024 * 1024;

export function makePhotos(world: ExpectedWorld): void {
  world.write("photos/2025/beach.jpg", 3 * MIB);
  world.write("photos/2025/hut.jpg", 1_234_567);
  world.write("photos/2026/snow.jpg", 87_654);
  world.write("photos/notes.txt", 5, "notes");
  world.write("photos/evil\x1b[31m\nname", 4, "evil");
  world.write("photos/thumbs.tmp", 100);
  Deno.symlinkSync("2025/beach.jpg", `${world.base}/photos/best`);
}

/** A storage with three snapshots of two series. */
export async function fill(world: ExpectedWorld): Promise<void> {
  const quietly = async (...args: string[]) => {
    world.clock.pass(24 * 60);
    await world.transcript([...args, "--quiet"]);
  };
  world.variables["BACKUP_TOOL_STORAGE"] = "st";
  makePhotos(world);
  world.write("letters/mum.odt", 20_000);
  await quietly("backup", "photos", "--init", "--exclude", "*.tmp", "--tag", "nightly");
  await quietly("backup", "letters");
  world.write("photos/notes.txt", 9, "new notes");
  world.write("photos/2026/thaw.jpg", 45_678);
  Deno.removeSync(`${world.base}/photos/2025/hut.jpg`);
  await quietly("backup", "photos", "--exclude", "*.tmp", "--tag", "nightly");
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async init(world, say) {
    await say("init", "-s", "st");
    await say("init", "-s", "st");
    await say("init", "-s", "st-2", "--algorithm", "md5", "--hex-split", "1,1");
    await say("init", "-s", "st-3", "--algorithm", "sha512");
    world.write("full/file", 1);
    await say("init", "-s", "full");
  },

  async backup(world, say) {
    makePhotos(world);
    world.variables["BACKUP_TOOL_STORAGE"] = "st";
    await say("backup", "photos", "--init", "--exclude", "*.tmp", "--tag", "nightly");
    world.clock.pass(1);
    await say("backup", "photos", "--exclude", "*.tmp", "--bytes");
    world.clock.pass(1);
    world.write("photos/new.txt", 3, "new");
    Deno.removeSync(`${world.base}/photos/2025/hut.jpg`);
    await say("backup", "photos", "--exclude", "*.tmp", "--verbose");
    world.clock.pass(1);
    await say("backup", "photos/notes.txt", "--no-tree", "--quiet");
  },

  async planning(world, say) {
    await fill(world);
    world.write("photos/new.txt", 3, "new");
    Deno.removeSync(`${world.base}/photos/2026/thaw.jpg`);
    await say("plan", "photos", "--exclude", "*.tmp");
    await say("plan", "photos", "--exclude", "*.tmp", "--why", "photos/thumbs.tmp");
    await say("plan", "nowhere");
  },

  async vaults(world, say) {
    await fill(world);
    world.variables["BACKUP_TOOL_CONFIG"] = "settings.jsonc";
    const password = `${world.base}/password`;
    world.files[`${world.base}/settings.jsonc`] = `{
  "vaults": {
    "offsite": { "location": "st-offsite", "passwordFile": "password", "connections": 2 },
    "plain": { "location": "st-plain" }
  }
}`;
    await say("init", "-s", "plain", "--vault");
    await say("init", "-s", "plain", "--vault", "--unencrypted");
    await say("init", "-s", "plain", "--vault", "--unencrypted");
    await say("init", "-s", "photos", "--vault", "--unencrypted");
    await say("init", "-s", "plain");
    await say("copy", "--to", "plain");
    await world.makeVault("st-offsite", "four random words");
    await say("snapshots", "-s", "offsite");
    Deno.writeTextFileSync(password, "four random words\n", { mode: 0o644 });
    await say("snapshots", "-s", "offsite");
    Deno.chmodSync(password, 0o600);
    await say("copy", "--to", "offsite", "--name", "letters", "--dry-run");
    await say("copy", "--to", "offsite", "--name", "letters");
    await say("copy", "--to", "offsite");
    await say("snapshots", "-s", "offsite");
    await say("drill", "-s", "offsite", "--sample", "100K");
    world.clock.pass(60);
    await say("stats", "-s", "offsite", "--largest", "0");
    await say("check", "-s", "offsite", "--status");
    await say("forget", "letters:latest", "-s", "offsite");
    await say("prune", "-s", "offsite", "--keep-unused", "0");
    await say("prune", "-s", "offsite", "--grace", "0");
    await say("salvage", "st-offsite", "--target", "salvaged");
    await say("tree", "build", "latest", "-s", "offsite");
    Deno.writeTextFileSync(password, "wrong\n");
    await say("snapshots", "-s", "offsite");
    await say("snapshots", "-s", "offsite", "--key-file", "none", "--password-file", "password");
    await say("config");
  },

  async keys(world, say) {
    const secret = (name: string, text: string) => {
      Deno.writeTextFileSync(`${world.base}/${name}`, `${text}\n`, { mode: 0o600 });
      return `${world.base}/${name}`;
    };
    world.variables["BACKUP_TOOL_STORAGE"] = "st-vault";
    await world.makeVault("st-vault", "four random words");
    world.variables["BACKUP_TOOL_PASSWORD_FILE"] = secret("password", "four random words");
    await say("key", "list");
    await say("key", "export", "st.key");
    await say("key", "export", "st.key");
    await say("key", "show");
    await say("recover-page", "st-vault/recover.html");
    await say("init", "-s", "st");
    await say("recover-page", "st/recover.html");
    await say("key", "remove", "123");
    await say("key", "change", "--new-password-file", "password");
    await say("key", "add", "--write-only");
    await say("key", "list", "-s", "nowhere");
    await say("snapshots", "--key-file", "st.key");
    await world.makeVault("st-other", "four other words");
    await say("snapshots", "-s", "st-other", "--key-file", "st.key");
  },

  async alarms(world, say) {
    world.variables["BACKUP_TOOL_STORAGE"] = "st";
    for (let i = 0; i < 30; i++) world.write(`letters/${i}.txt`, 2000, `letter ${i} `);
    world.writeText("letters/notes", "notes");
    await world.transcript(["backup", "letters", "--init", "--quiet"]);
    world.clock.pass(24 * 60);
    for (let i = 0; i < 25; i++) Deno.removeSync(`${world.base}/letters/${i}.txt`);
    world.settle();
    await say("backup", "letters");
    await say("alarm", "list");
    await say("forget", "--keep-last", "1");
    await say("alarm", "acknowledge");
    await say("alarm", "acknowledge", "--all");
    await say("alarm", "list");
    await say("alarm", "list", "--all");
    await say("forget", "--keep-last", "1");
  },

  async diagnosis(_world, say) {
    await say("doctor");
    await say("doctor", "-s", "nowhere");
  },

  async mistakes(world, say) {
    makePhotos(world);
    await say("snapshots");
    await say("snapshots", "-s", "nowhere");
    await say("snapshots", "-s", "photos");
    await say("snapshots", "-s", "photos/notes.txt");
    Deno.mkdirSync(`${world.base}/unmounted`);
    await say("backup", "photos", "-s", "unmounted");
    await say("backup", "photos", "-s", "nowhere/at/all");
    await say("backup", "phtos", "-s", "st", "--init");
    await say("backup", "photos/", "-s", "st/", "--name", "trailing slashes", "--init");
    await say("backup", "st", "-s", "st");
    await say("backup", "-s", "st");
    await say("bakcup", "photos", "-s", "st");
    await say("backup", "photos", "-s", "st", "--exlude", "*.tmp");
    await say("ls", "lastest", "-s", "st");
    await say("ls", "latest~7", "-s", "st");
    await say("ls", "1999-01-01", "-s", "st");
    await say("ls", "latest", "../..", "-s", "st");
    await say("restore", "latest", "-s", "st");
    await say("restore", "latest", "-s", "st", "--target", "photos");
    await say("restore", "latest", "phtos", "-s", "st", "--target", "back");
    await say("tree", "-s", "st");
    await say("help", "bakcup");
    await say("completions", "tcsh");
    await say("version");
  },

  async jobs(world, say) {
    world.files[`${world.base}/good.jsonc`] = `{ "kind": "backup", "sources": ["/home/me/photos"] } // once`;
    world.files[`${world.base}/bad.json`] = `{\n  "kind": "backup",\n  "sorces": ["/home/me/photos"]\n}`;
    await say("job", "check", "good.jsonc", "bad.json");
    makePhotos(world);
    world.writeText("jobs/photos.jsonc", `{ "kind": "backup", "sources": ["${world.base}/photos"] }`);
    world.writeText("jobs/wrong.jsonc", `{ "kind": "bakcup" }`);
    await say("serve", "--once", "--jobs", "jobs", "-s", "st");
    await say("init", "-s", "st");
    await say("serve", "--once", "--jobs", "jobs", "-s", "st");
    await say("job", "history", "-s", "st");
    await say("metrics", "-s", "st", "-o", "st.prom");
  },

  async accounts(world, say) {
    const password = `${world.base}/password`;
    Deno.writeTextFileSync(password, "short\n", { mode: 0o600 });
    await say("account", "list");
    await say("account", "add", "anna", "--role", "admin", "--new-password-file", "password");
    Deno.writeTextFileSync(password, "four random words\n");
    await say("account", "add", "anna", "--role", "admin", "--new-password-file", "password");
    await say("account", "add", "tom", "--series", "photos", "--new-password-file", "password");
    await say("account", "add", "anna maria", "--new-password-file", "password");
    await say("account", "token", "tom", "prometheus", "--role", "watch", "--expires", "365d");
    await say("account", "list");
    await say("account", "revoke", "tom", "prometheus");
    await say("account", "remove", "tom");
    await say("account", "password", "tom", "--new-password-file", "password");
    await say("serve");
    await say("serve", "--listen", "0.0.0.0:8480", "-s", "st");
  },

  async configuration(world, say) {
    await say("config");
    await say("notify", "--test");
    world.files["/etc/backup-tool.jsonc"] = `{
  "storage": "/mnt/backup",
  "keep": { "daily": 7, "weekly": 5 },
  "backups": {
    "photos": { "sources": ["/home/me/photos", "/srv/photos"] },
    "system": { "sources": ["/etc"] }
  }
}`;
    world.variables["BACKUP_TOOL_WORKERS"] = "2";
    await say("config", "--bytes");
    await say("backup", "potos");
    await say("backup");
    world.files["/etc/backup-tool.jsonc"] = `{ "storge": "/mnt/backup" }`;
    await say("snapshots");
  },

  async looking(world, say) {
    await fill(world);
    await say("snapshots");
    await say("snapshots", "--bytes");
    await say("ls", "photos:latest");
    await say("ls", "-l", "photos:latest");
    await say("ls", "-lR", "photos:latest", "/2025", "--bytes");
    await say("ls", "latest", "/nowhere");
    await say("ls", "photos:latest", "--tree", "--sort", "size");
    await say("cat", "photos:latest", "/notes.txt");
    await say("cat", "photos:latest", "/2025");
    await say("dump", "photos:latest", "/nots.txt");
    await say("find", "*.jpg");
    await say("find", "--gone", "--long");
    await say("history", "/notes.txt");
    await say("stats");
    await say("diff", "photos:latest");
  },

  async restoring(world, say) {
    await fill(world);
    await say("restore", "photos:latest", "--target", "back", "--dry-run");
    await say("restore", "photos:latest", "--target", "back");
    await say("restore", "photos:latest", "--target", "back");
    Deno.removeSync(`${world.base}/back/notes.txt`);
    await say("restore", "photos:latest", "--target", "back", "--overwrite", "if-changed", "--verbose");
    await say("restore", "letters:latest", "/dad.odt", "--target", "back-2");
  },

  async keeping(world, say) {
    await fill(world);
    await say("tag", "letters:latest", "--add", "tax,2026");
    await say("tag", "letters:latest", "--description", "All letters of the year");
    await say("snapshots");
    await say("rewrite", "--name", "photos", "--remove", "/notes.tx");
    await say("rewrite", "--name", "photos", "--remove", "/notes.txt", "--exclude", "*.jpg", "--dry-run");
    await say("rewrite", "--name", "photos", "--remove", "/notes.txt", "--exclude", "snow.jpg");
    await say("rewrite", "letters:latest", "--new-host", "nas", "--new-time", "2020-01-02 03:04");
    await say("rewrite");
    await say("policy", "show");
    await say("forget");
    await say("policy", "set", "--keep-last", "1");
    await say("policy", "show");
    await say("forget", "--dry-run");
    await say("forget");
    await say("prune", "--dry-run");
    await say("prune");
    await say("policy", "clear");
  },

  async checking(world, say) {
    await fill(world);
    await say("check");
    await say("check", "--read-data-subset", "10%");
    await say("check", "--status");
    await say("check", "--read-data");
    world.clock.pass(3 * 24 * 60);
    await say("check", "--status");
    const [damaged] = world.itemsLike("letters/mum.odt");
    Deno.chmodSync(damaged!, 0o644);
    Deno.writeTextFileSync(damaged!, "not what it was");
    await say("check", "--read-data");
    await say("cat", "letters:latest", "/mum.odt");
    await say("repair");
    await say("recover");
    await say("tree", "remove", "letters:latest");
    await say("tree", "build", "letters:latest");
    await say("rebuild");
  },
};
