import { withServeConfig } from "../../../src/cli/settings/serve_schema.ts";
import { TOPICS } from "../../../src/cli/help/topics.ts";
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { DiskFault } from "../../../src/platform/disk.ts";
import { VARIABLES } from "../../../src/cli/settings/settings.ts";
import { LOGIN_VARIABLES } from "../../../src/operations/vaults/place.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { FakeWorld, type Ran, runIn } from "../fake_world.ts";

/** A world with files of settings, in a directory that goes away. */
class ConfiguredWorld extends FakeWorld implements Disposable {
  readonly files: Record<string, string> = {};
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-config-" });
  constructor() {
    super();
    this.directory = this.base;
    this.variables["HOME"] = `${this.base}/home`;
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
  override readTextFile = (path: string): string => {
    const text = this.files[path];
    if (text === undefined) throw new DiskFault("ENOENT", "read", rawOf(path));
    return text;
  };
  get own(): string {
    return `${this.base}/home/.config/backup-tool/backup-tool.jsonc`;
  }
  write(path: string, text: string): void {
    const full = `${this.base}/${path}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(full, text);
  }
  async json(...args: string[]) {
    const { status, stdout, stderr } = await runIn(this, ...args, "--json");
    strictEqual(status, 0, stderr);
    return JSON.parse(stdout);
  }
}

async function settingOf(world: ConfiguredWorld, name: string, ...args: string[]) {
  const { settings } = await world.json("config", ...args);
  const { value, from } = settings.find((setting: { name: string }) => setting.name === name);
  return [value, from];
}

Deno.test("config: an option counts before a variable, that before the file, that before the default", async () => {
  using world = new ConfiguredWorld();
  deepStrictEqual(await settingOf(world, "storage"), [null, "default"]);
  deepStrictEqual(await settingOf(world, "verbose"), [false, "default"]);
  world.files[world.own] = `{"storage": "/from/file", "workers": 1, "verbose": true, "bytes": true}`;
  deepStrictEqual(await settingOf(world, "storage"), ["/from/file", world.own]);
  deepStrictEqual(await settingOf(world, "workers"), [1, world.own]);
  deepStrictEqual(await settingOf(world, "verbose"), [true, world.own]);
  Object.assign(world.variables, { BACKUP_TOOL_STORAGE: "/v", BACKUP_TOOL_WORKERS: "2", BACKUP_TOOL_VERBOSE: "0" });
  deepStrictEqual(await settingOf(world, "storage"), ["/v", "BACKUP_TOOL_STORAGE"]);
  deepStrictEqual(await settingOf(world, "workers"), [2, "BACKUP_TOOL_WORKERS"]);
  deepStrictEqual(await settingOf(world, "verbose"), [false, "BACKUP_TOOL_VERBOSE"]);
  deepStrictEqual(await settingOf(world, "storage", "-s", "/o"), ["/o", "option"]);
  deepStrictEqual(await settingOf(world, "workers", "--workers", "3"), [3, "option"]);
  deepStrictEqual(await settingOf(world, "verbose", "--verbose"), [true, "option"]);
  deepStrictEqual(await settingOf(world, "bytes", "--no-bytes"), [false, "option"]);
});

Deno.test("config: the file is the one that is named, else of the person, else of the machine; never of the directory", async () => {
  using world = new ConfiguredWorld();
  const named = {
    option: `${world.base}/o.jsonc`,
    variable: `${world.base}/v.jsonc`,
    xdg: "/x/backup-tool/backup-tool.jsonc",
  };
  const fileOf = async (...args: string[]) => (await world.json("config", ...args)).file;
  world.files[`${world.base}/backup-tool.jsonc`] = "{}";
  strictEqual(await fileOf(), null);
  world.files["/etc/backup-tool.jsonc"] = "{}";
  strictEqual(await fileOf(), "/etc/backup-tool.jsonc");
  world.files[world.own] = "{}";
  strictEqual(await fileOf(), world.own);
  world.variables["XDG_CONFIG_HOME"] = "relative"; // counts as none
  strictEqual(await fileOf(), world.own);
  world.variables["XDG_CONFIG_HOME"] = "/x";
  strictEqual(await fileOf(), "/etc/backup-tool.jsonc");
  world.files[named.xdg] = "{}";
  strictEqual(await fileOf(), named.xdg);
  world.variables["BACKUP_TOOL_CONFIG"] = "v.jsonc";
  world.files[named.variable] = "{}";
  strictEqual(await fileOf(), named.variable);
  world.files[named.option] = "{}";
  strictEqual(await fileOf("--config", "o.jsonc"), named.option);
  strictEqual(await fileOf("--no-config"), null);
});

Deno.test("config: on Windows the file lies in the roaming profile, and nowhere that all users can write to", async () => {
  using world = new ConfiguredWorld();
  world.variables["APPDATA"] = "C:\\Users\\me\\AppData\\Roaming";
  world.files["/etc/backup-tool.jsonc"] = "{}";
  strictEqual((await world.json("config")).file, null);
  world.files["C:/Users/me/AppData/Roaming/backup-tool/backup-tool.jsonc"] = "{}";
  match((await world.json("config")).file, /Roaming\/backup-tool\/backup-tool\.jsonc$/);
});

for (
  const { text, told } of [
    {
      text: `{"storage": "/x"\n "workers": 1}`,
      told: /: 2:2: A comma is missing before "workers"\n {2}hint: `backup-tool config --example`/,
    },
    { text: `{\n  "storge": "/x"\n}`, told: /: 2:3: Unknown key "storge"\n {2}hint: Did you mean "storage"\?/ },
    {
      text: `{"defaults": {"presets": ["nsa"]}}`,
      told: /: 1:27: Expected "nas" or "desktop", found "nsa"\n {2}hint: Did you mean "nas"\?/,
    },
    {
      text: `{"defaults": {"excludeLargerThan": "big"}}`,
      told: /: 1:36: Expected a size, such as 500K, 10M or 1.5GiB\n/,
    },
    { text: `{"keep": {"daily": 0}}`, told: /: 1:10: Expected a rule that keeps something\n/ },
    { text: `{"keep": {"within": "soon"}}`, told: /: 1:21: Expected a span, such as 30d or 1y6m\n/ },
    { text: `{"keep": {"dayly": 7}}`, told: /: 1:11: Unknown key "dayly"\n {2}hint: Did you mean "daily"\?/ },
    { text: `{"backups": {"a/b": {"sources": ["/x"]}}}`, told: /: 1:14: A name must be one word without slashes\n/ },
    {
      text: `{"workers": -1, "bytes": 1}`,
      told: /: 1:13: Expected at least 0, found -1; 1:26: Expected true or false, found 1\n/,
    },
  ]
) {
  Deno.test(`config: tells where and how the file is wrong: ${JSON.stringify(text)}`, async () => {
    using world = new ConfiguredWorld();
    world.files[world.own] = text;
    const { status, stdout, stderr } = await runIn(world, "snapshots", "-s", "/x");
    deepStrictEqual([status, stdout], [2, ""]);
    match(stderr, told);
    match(stderr, /^backup-tool: Cannot use the configuration "\//);
    strictEqual((await runIn(world, "version")).status, 0, "what needs no settings goes on");
    strictEqual((await runIn(world, "help", "backup")).status, 0);
    strictEqual((await runIn(world, "config", "--example")).status, 0);
    strictEqual((await runIn(world, "snapshots", "-s", "/x", "--no-config")).status, 10);
  });
}

Deno.test("config: a file that was named must be there", async () => {
  using world = new ConfiguredWorld();
  const { status, stderr } = await runIn(world, "snapshots", "--config", "/nowhere.jsonc", "--json");
  strictEqual(status, 1);
  strictEqual(JSON.parse(stderr).error.message, `Cannot read "/nowhere.jsonc": no such file or directory (ENOENT)`);
});

Deno.test("config: a variable that makes no sense is wrong usage", async () => {
  using world = new ConfiguredWorld();
  world.variables["BACKUP_TOOL_WORKERS"] = "many";
  deepStrictEqual(await runIn(world, "check", "-s", "/x"), {
    status: 2,
    stdout: "",
    stderr: `backup-tool: Cannot use the variable BACKUP_TOOL_WORKERS, which is "many"\n` +
      `  hint: Give a whole number, 0 to 64\n`,
  });
  strictEqual((await runIn(world, "check", "-s", "/x", "--workers", "1")).status, 10, "an option makes it meaningless");
  world.variables["BACKUP_TOOL_QUIET"] = "maybe";
  match(
    (await runIn(world, "snapshots", "-s", "/x")).stderr,
    /BACKUP_TOOL_QUIET, which is "maybe"\n {2}hint: Set it to 1 or 0/,
  );
});

Deno.test("config: --example is a file that can be used as it is", async () => {
  using world = new ConfiguredWorld();
  world.files[world.own] = (await runIn(world, "config", "--example")).stdout;
  const { backups } = await world.json("config");
  deepStrictEqual(backups.photos, { sources: [`${world.base}/home/photos`] });
  const schema = JSON.parse((await runIn(world, "config", "--schema")).stdout);
  deepStrictEqual(Object.keys(schema.properties), [
    "storage",
    "workers",
    "bytes",
    "quiet",
    "verbose",
    "wait",
    "nice",
    "limit",
    "pause",
    "keep",
    "defaults",
    "vaults",
    "backups",
    "hooks",
    "serve",
    "notify",
    "smtp",
    "expect",
  ]);
});

Deno.test("config: the example of the topics can be used as it is, and the variables are those that they list", async () => {
  const configuration = TOPICS.get("configuration") ?? "", environment = TOPICS.get("environment") ?? "";
  using world = new ConfiguredWorld();
  const [, example = ""] =
    /```jsonc\n(\/\/ ~\/\.config\/backup-tool\/backup-tool\.jsonc[^]*?)```/.exec(configuration) ?? [];
  world.files[world.own] = example;
  deepStrictEqual(Object.keys((await world.json("config")).backups), ["photos", "system"]);
  const listed = [...environment.matchAll(/^\| `(BACKUP_TOOL_\w+)`/gm)].map(([, name = ""]) => name);
  deepStrictEqual(
    listed.sort(),
    [...Object.values(VARIABLES), ...Object.values(LOGIN_VARIABLES), "BACKUP_TOOL_CONFIG", "BACKUP_TOOL_HOST"].sort(),
  );
});

const PHOTOS = `{
  "storage": "st",
  "defaults": { "tags": ["nightly"], "exclude": ["*.tmp"], "tree": false },
  "backups": {
    "photos": { "sources": ["~/photos"], "exclude": ["*.raw"], "tags": ["mine"], "host": "nas" },
    "mail": { "sources": ["/nowhere/mail"] },
    "notes": { "sources": ["notes.txt"], "tree": true }
  }
}`;

function withPhotos(): ConfiguredWorld {
  const world = new ConfiguredWorld();
  world.files[world.own] = PHOTOS;
  for (const name of ["a.jpg", "b.tmp", "c.raw", "d.bak"]) world.write(`home/photos/${name}`, name);
  world.write("home/.config/backup-tool/notes.txt", "beside the file");
  return world;
}

const backedUp = async (world: ConfiguredWorld): Promise<string[]> =>
  (await world.json("ls", "latest")).map(({ path }: { path: string }) => path);

Deno.test("backup NAME takes sources and options from the configuration; relative paths are beside the file", async () => {
  using world = withPhotos();
  const { snapshot } = await world.json("backup", "photos", "--init");
  deepStrictEqual([snapshot.name, snapshot.host, snapshot.tags, snapshot.tree], [
    "photos",
    "nas",
    ["nightly", "mine"],
    null,
  ]);
  deepStrictEqual(await backedUp(world), ["/a.jpg", "/d.bak"]);
  ok(Deno.statSync(`${world.base}/home/.config/backup-tool/st/db/main`).isFile);
  const { snapshot: notes } = await world.json("backup", "notes");
  deepStrictEqual([notes.name, notes.host, notes.tree === null], ["notes", "testhost", false]);
});

Deno.test("backup NAME: options of the command line count before those of the file, and lists add up", async () => {
  using world = withPhotos();
  world.variables["BACKUP_TOOL_HOST"] = "variable";
  const args = ["photos", "--init", "--tree", "--tag", "extra", "--exclude", "*.bak", "--exclude", "!*.raw"];
  const { snapshot } = await world.json("backup", ...args);
  deepStrictEqual([snapshot.host, snapshot.tags, snapshot.tree === null], [
    "variable",
    ["nightly", "mine", "extra"],
    false,
  ]);
  deepStrictEqual(await backedUp(world), ["/a.jpg", "/c.raw"]);
  strictEqual((await world.json("backup", "photos", "--host", "option")).snapshot.host, "option");
});

Deno.test("backup of paths takes the defaults of the configuration", async () => {
  using world = withPhotos();
  const { snapshot } = await world.json("backup", `${world.base}/home/photos`, "--init", "--name", "other");
  deepStrictEqual([snapshot.name, snapshot.tags, snapshot.tree], ["other", ["nightly"], null]);
  deepStrictEqual(await backedUp(world), ["/a.jpg", "/c.raw", "/d.bak"]);
});

Deno.test("forget: rules of the command line count before those of the configuration, and those before the storage's", async () => {
  using world = withPhotos();
  for (let i = 0; i < 4; i++) {
    world.clock.pass(60);
    await world.json("backup", "photos", "--init");
  }
  const kept = async (...args: string[]) => {
    const { snapshots } = await world.json("forget", "--dry-run", ...args);
    return snapshots.filter(({ keep }: { keep: boolean }) => keep).length;
  };
  await world.json("policy", "set", "--keep-last", "1");
  strictEqual(await kept(), 1);
  world.files[world.own] = PHOTOS.replace("{", `{ "keep": { "last": 2 },`);
  strictEqual(await kept(), 2);
  strictEqual(await kept("--keep-last", "3"), 3);
});

Deno.test("backup of several names makes a snapshot each, and one that fails doesn't keep the others from being made", async () => {
  using world = withPhotos();
  const { status, stdout, stderr } = await runIn(world, "backup", "--all", "--init", "--json");
  strictEqual(status, 1);
  const [photos, mail, notes] = JSON.parse(stdout);
  deepStrictEqual([photos.snapshot.name, photos.readFiles], ["photos", 2]);
  deepStrictEqual([mail.name, mail.error.code], ["mail", "no-source"]);
  deepStrictEqual([notes.snapshot.name, notes.readFiles], ["notes", 1], "counted anew");
  match(stderr, /\/nowhere\/mail/);
  const text = await runIn(world, "backup", "photos", "notes");
  strictEqual(text.status, 0);
  match(text.stdout, /^Snapshot .* of photos .*[^]*^Snapshot .* of notes /m);
});

for (
  const { args, message, hint } of [
    {
      args: ["backup"],
      message: /^No source given$/,
      hint: /or a name from \/.*: photos, mail, notes; or --all$/,
    },
    {
      args: ["backup", "photo"],
      message: /^"photo" is neither there nor named in \//,
      hint: /^Did you mean "photos"\?$/,
    },
    {
      args: ["backup", "photos", "/etc"],
      message: /^Cannot back up "photos", which the configuration names, together with "\/etc"$/,
      hint: /\.\/photos$/,
    },
    { args: ["backup", "photos", "--all"], message: /^`--all` backs up all/, hint: /^/ },
    { args: ["backup", "photos", "notes", "--name", "x"], message: /^`--name` is for one backup$/, hint: /^/ },
    {
      args: ["backup", "--all", "--no-config"],
      message: /^The configuration names no backups$/,
      hint: /help config`$/,
    },
    { args: ["backup", "photos", "--no-config", "-s", "st"], message: /^Cannot find a storage/, hint: /^/ },
  ]
) {
  Deno.test(`${args.join(" ")}: says what is wrong`, async () => {
    using world = withPhotos();
    const { status, stderr } = await runIn(world, ...args, "--json");
    const { error } = JSON.parse(stderr);
    ok(status === 2 || error.code === "no-storage");
    match(error.message, message);
    match(error.hint, hint);
  });
}

Deno.test("backup NAME says so if something of that name lies in the directory", async () => {
  using world = withPhotos();
  world.write("photos/other", "");
  const ran: Ran = await runIn(world, "backup", "photos", "--init");
  strictEqual(ran.status, 0);
  match(ran.stderr, /photos is the backup of that name in \/.*backup-tool\.jsonc; for the directory write \.\/photos/);
});

Deno.test("paths in the configuration are what they are on a command line, and none is empty", async () => {
  using world = new ConfiguredWorld();
  const storageOf = async (storage: string) => {
    world.files[world.own] = JSON.stringify({ storage });
    return (await settingOf(world, "storage"))[0];
  };
  const beside = `${world.base}/home/.config/backup-tool`;
  strictEqual(await storageOf("a/../st/"), `${beside}/st`);
  strictEqual(await storageOf("/x//y/./../z/"), "/x/z");
  strictEqual(await storageOf("~/st"), `${world.base}/home/st`);
  strictEqual(await storageOf("~"), `${world.base}/home`);
  strictEqual(await storageOf("caf\udce9"), `${beside}/caf\udce9`);
  delete world.variables["HOME"];
  Object.assign(world.variables, { BACKUP_TOOL_CONFIG: world.own });
  world.files[world.own] = JSON.stringify({ storage: "~/st" });
  match((await runIn(world, "init")).stderr, /Cannot use "~\/st" as a path: HOME is not set/);
  const wrong = [
    { storage: "" },
    { storage: "a\0b" },
    { backups: { a: { sources: [""] } } },
    { backups: { a: { sources: ["/x"], excludeFrom: [""] } } },
    { defaults: { excludeFrom: ["\ud800"] } },
    { defaults: { lock: { before: "x", readFrom: "" } } },
    { defaults: { tags: [""] } },
  ];
  for (const config of wrong) {
    world.files[world.own] = JSON.stringify(config);
    const { status, stderr } = await runIn(world, "snapshots", "-s", "/nowhere");
    deepStrictEqual([config, status], [config, 2], stderr);
    match(stderr, /Cannot use the configuration .*: 1:\d+: /);
  }
});

Deno.test("config: what is said of serve stands for its options, as far as these are not given", async () => {
  using world = new ConfiguredWorld();
  world.files[world.own] = JSON.stringify({
    serve: {
      listen: ["0.0.0.0:8480", "unix:run/backup.sock"],
      tls: { cert: "tls.pem", key: "/etc/tls.key" },
      hostNames: ["nas.example"],
      dav: false,
      restoreBelow: ["/volume1/restored"],
      objects: { path: "/volume1/objects", maxSize: "500G" },
      logRequests: true,
      warn: { freePercent: 10 },
    },
  });
  const { serve } = await world.json("config");
  const directory = world.own.replace(/\/[^/]*$/, "");
  deepStrictEqual(serve, {
    listen: ["0.0.0.0:8480", `unix:${directory}/run/backup.sock`],
    tlsCert: `${directory}/tls.pem`,
    tlsKey: "/etc/tls.key",
    hostName: ["nas.example"],
    dav: false,
    restoreBelow: ["/volume1/restored"],
    objects: "/volume1/objects",
    maxSize: 500 * 1024 ** 3,
    logRequests: true,
    warn: { freePercent: 10 },
  });
  deepStrictEqual(withServeConfig({ dav: true }, serve), serve);
  const given = withServeConfig({ listen: ["[::1]:1"], tls: "self-signed", dav: true, hostName: ["b"] }, serve);
  const { tlsCert: _, tlsKey: __, ...others } = serve;
  deepStrictEqual(given, { ...others, listen: ["[::1]:1"], tls: "self-signed", hostName: ["b"] });
  deepStrictEqual(withServeConfig({ dav: true, once: true }, { listen: ["[::1]:1"] }), { dav: true, once: true });
  deepStrictEqual(withServeConfig({ dav: true }), { dav: true });
  for (const [wrong, why] of [[{ listen: "8480" }, /HOST:PORT/], [{ webRemove: true }, /webRemove/]] as const) {
    world.files[world.own] = JSON.stringify({ serve: wrong });
    match((await runIn(world, "config")).stderr, why);
  }
});
