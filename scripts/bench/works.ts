/** What is measured: a list of works, and for each of them what this tool and its peers are told to do. */

/** Absolute paths; each peer has a store of its own, all on one disk. */
export interface Places {
  readonly source: string;
  /** Path of the file in it that is restored alone. */
  readonly oneFile: string;
  readonly store: string;
  /** An empty place to restore into; its directory exists, it doesn't. */
  readonly target: string;
  /** How to start this tool. */
  readonly tool: readonly string[];
  /** The compiled floor.c. */
  readonly floor: string;
}

export interface Command {
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export type Step = (places: Places) => Command;

export interface Peer {
  readonly name: string;
  /** Programs it needs; it is left out where one is missing. */
  readonly programs: readonly string[];
  /** What makes its store ready, not measured. */
  readonly prepare?: Step;
  /** Where it keeps what it stores. */
  readonly repository?: (places: Places) => string;
}

export interface Work {
  readonly name: string;
  readonly title: string;
  /** Done to the source before the peers take their turns. */
  readonly before?: "change";
  /** Each peer puts the whole source into `target`, which is removed again. */
  readonly restores?: true;
  /** How much each peer has stored is looked up afterwards. */
  readonly stores?: true;
  /** Done before, by each peer that takes part, and not measured. */
  readonly setUp?: Readonly<Record<string, Step>>;
  /** By peer. The first work fills the stores; the others find what it left. */
  readonly steps: Readonly<Record<string, Step>>;
}

/** The name of this tool among the peers. */
export const OWN = "backup-tool";
/** The same with a vault, encrypted, whose key is in a file. */
export const VAULT = "vault";
/** Who encrypts, as it does. */
export const SEALED: readonly string[] = ["restic", "kopia", "rustic"];
/** What the kernel and SHA-256 alone would need: floor.c. */
export const FLOOR = "floor";
const SHA256_PROCESSES = 4;
/** As many as this tool has worker threads: one per core, up to four. */
const FLOOR_THREADS = Math.min(4, navigator.hardwareConcurrency);

const own = (...args: string[]): Step => ({ tool, store }) => ({
  argv: [...tool, ...args.slice(0, 1), "-s", `${store}/storage`, ...args.slice(1)],
});
const ownBackup = (...options: string[]): Step => (places) => {
  const { argv } = own("backup", ...options)(places);
  return { argv: [...argv, places.source] };
};

const vault = (...args: string[]): Step => ({ tool, store }) => ({
  argv: [...tool, ...args.slice(0, 1), "-s", `${store}/vault`, "--key-file", `${store}/key`, ...args.slice(1)],
  env: { XDG_STATE_HOME: `${store}/state` },
});

/** Makes a vault, and puts its key into a file: a passphrase takes a second each time, on purpose. */
const makeVault: Step = ({ tool, store }) => ({
  argv: [
    "sh",
    "-ec",
    `echo bench > "$0/password"; chmod 600 "$0/password"
     "$@" init -s "$0/vault" --vault --password-file "$0/password"
     "$@" key export "$0/key" -s "$0/vault" --password-file "$0/password"`,
    store,
    ...tool,
  ],
  env: { XDG_STATE_HOME: `${store}/state` },
});

/**
 * Without waiting: the first prune dooms what nothing needs, the second deletes it. Restic does both in one run, alone.
 * Both leave 5 % of unneeded bytes, their default.
 */
const pruneVault: Step = ({ tool, store }) => ({
  argv: [
    "sh",
    "-ec",
    `"$@" forget -s "$0/vault" --key-file "$0/key" --keep-last 1
     for turn in 1 2; do
       "$@" prune -s "$0/vault" --key-file "$0/key" --keep-unused 0 --grace 0 --unsafe
     done`,
    store,
    ...tool,
  ],
  env: { XDG_STATE_HOME: `${store}/state` },
});

const restic = (...args: string[]): Step => ({ store }) => ({
  argv: ["restic", "-q", "--repo", `${store}/repository`, "--cache-dir", `${store}/cache`, ...args],
  env: { RESTIC_PASSWORD: "bench" },
});

const borg = (...args: string[]): Step => ({ store }) => ({
  argv: ["borg", ...args],
  env: {
    BORG_REPO: `${store}/repository`,
    BORG_BASE_DIR: `${store}/base`,
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: "yes",
  },
});

const kopia = (...args: string[]): Step => ({ store }) => ({
  argv: ["kopia", "--no-progress", ...args],
  env: {
    KOPIA_PASSWORD: "bench",
    KOPIA_CONFIG_PATH: `${store}/config`,
    KOPIA_CACHE_DIRECTORY: `${store}/cache`,
    KOPIA_LOG_DIR: `${store}/log`,
    KOPIA_CHECK_FOR_UPDATES: "false",
  },
});

const makeKopia: Step = (places) =>
  kopia("repository", "create", "filesystem", "--path", `${places.store}/repository`)(places);

/** Its snapshots have ids only; the newest of a path is found by the path. */
const restoreByKopia = (below: (places: Places) => string): Step => (places) =>
  kopia("restore", below(places), "--snapshot-time=latest", places.target)(places);

/** Without waiting, as the others: it would delete only what has been unneeded for a day. */
const pruneKopia: Step = (places) => {
  const { argv, env = {} } = kopia()(places);
  const keep = ["hourly", "daily", "weekly", "monthly", "annual"].map((period) => `--keep-${period}=0`).join(" ");
  return {
    argv: [
      "sh",
      "-ec",
      `"$0" "$@" policy set --global --keep-latest=1 ${keep}
       "$0" "$@" snapshot expire --all --delete
       "$0" "$@" maintenance run --full --safety=none`,
      ...argv,
    ],
    env,
  };
};

const rustic = (...args: string[]): Step => ({ store }) => ({
  argv: ["rustic", "--no-progress", "--log-level", "error", ...args],
  env: {
    RUSTIC_REPOSITORY: `${store}/repository`,
    RUSTIC_PASSWORD: "bench",
    RUSTIC_CACHE_DIR: `${store}/cache`,
  },
});

function oneFile(tool: (...args: string[]) => Step): Step {
  return (places) => tool("restore", "latest", `/${places.oneFile}`, "--target", places.target)(places);
}

function withSource(step: Step): Step {
  return (places) => ({ ...step(places), argv: [...step(places).argv, places.source] });
}

function rsync(name: string, ...options: string[]): Step {
  return ({ source, store }) => ({ argv: ["rsync", "-a", ...options, `${source}/`, `${store}/${name}/`] });
}

export const PEERS: readonly Peer[] = [
  { name: OWN, programs: [], prepare: own("init") },
  { name: VAULT, programs: [], prepare: makeVault, repository: ({ store }) => `${store}/vault` },
  { name: "cp", programs: ["cp"] },
  { name: "rsync", programs: ["rsync"] },
  {
    name: "restic",
    programs: ["restic"],
    prepare: restic("init"),
    repository: ({ store }) => `${store}/repository`,
  },
  {
    name: "kopia",
    programs: ["kopia"],
    prepare: makeKopia,
    repository: ({ store }) => `${store}/repository`,
  },
  {
    name: "rustic",
    programs: ["rustic"],
    prepare: rustic("init"),
    repository: ({ store }) => `${store}/repository`,
  },
  // Without encryption: the fastest that borg can be.
  { name: "borg", programs: ["borg"], prepare: borg("init", "--encryption=none") },
  { name: "sha256sum", programs: ["sha256sum", "xargs", "find"] },
  { name: FLOOR, programs: ["cc"] },
];

export const WORKS: readonly Work[] = [
  {
    name: "first",
    title: "first backup",
    stores: true,
    steps: {
      [OWN]: ownBackup(),
      [VAULT]: withSource(vault("backup")),
      cp: ({ source, store }) => ({ argv: ["cp", "-a", source, `${store}/first`] }),
      rsync: rsync("first"),
      restic: withSource(restic("backup")),
      kopia: withSource(kopia("snapshot", "create")),
      rustic: withSource(rustic("backup")),
      borg: withSource(borg("create", "::first")),
      [FLOOR]: ({ floor, source, store }) => ({ argv: [floor, source, `${store}/first`, `${FLOOR_THREADS}`] }),
    },
  },
  {
    name: "unchanged",
    title: "nothing changed, new tree",
    steps: {
      [OWN]: ownBackup(),
      cp: ({ store }) => ({ argv: ["cp", "-al", `${store}/first`, `${store}/unchanged`] }),
      rsync: rsync("unchanged", "--link-dest=../first"),
      restic: withSource(restic("backup")),
      kopia: withSource(kopia("snapshot", "create")),
      rustic: withSource(rustic("backup")),
      borg: withSource(borg("create", "::unchanged")),
    },
  },
  {
    name: "no-tree",
    title: "nothing changed, no tree",
    steps: {
      [OWN]: ownBackup("--no-tree"),
      [VAULT]: withSource(vault("backup")),
      restic: withSource(restic("backup")),
      kopia: withSource(kopia("snapshot", "create")),
      rustic: withSource(rustic("backup")),
      borg: withSource(borg("create", "::no-tree")),
    },
  },
  {
    name: "changed",
    title: "1% changed",
    before: "change",
    steps: {
      [OWN]: ownBackup(),
      [VAULT]: withSource(vault("backup")),
      rsync: rsync("changed", "--link-dest=../first"),
      restic: withSource(restic("backup")),
      kopia: withSource(kopia("snapshot", "create")),
      rustic: withSource(rustic("backup")),
      borg: withSource(borg("create", "::changed")),
    },
  },
  {
    name: "restore",
    title: "restore of everything",
    restores: true,
    steps: {
      [OWN]: (places) => {
        const { argv } = own("restore", "latest")(places);
        return { argv: [...argv, "--target", places.target] };
      },
      [VAULT]: (places) => vault("restore", "latest", "--target", places.target)(places),
      cp: ({ store, target }) => ({ argv: ["cp", "-a", `${store}/first`, target] }),
      rsync: ({ store, target }) => ({ argv: ["rsync", "-a", `${store}/first/`, `${target}/`] }),
      restic: (places) => restic("restore", "latest", "--target", places.target)(places),
      kopia: restoreByKopia(({ source }) => source),
      rustic: (places) => rustic("restore", "latest", places.target)(places),
      borg: (places) => ({
        ...borg("extract", "::first")(places),
        argv: ["sh", "-c", 'mkdir "$0" && cd "$0" && exec borg extract ::first', places.target],
      }),
    },
  },
  {
    name: "one-file",
    title: "restore of one file",
    steps: {
      [OWN]: oneFile(own),
      [VAULT]: oneFile(vault),
      restic: (places) => {
        const file = `${places.source}/${places.oneFile}`;
        return restic("restore", "latest", "--include", file, "--target", places.target)(places);
      },
      kopia: restoreByKopia(({ source, oneFile }) => `${source}/${oneFile}`),
      rustic: (places) => {
        const file = `${places.source}/${places.oneFile}`;
        return rustic("restore", `latest:${file}`, places.target)(places);
      },
    },
  },
  {
    name: "check",
    title: "check of every byte",
    steps: {
      [OWN]: own("check", "--read-data"),
      [VAULT]: vault("check", "--read-data"),
      restic: restic("check", "--read-data"),
      kopia: kopia("snapshot", "verify", "--verify-files-percent=100"),
      rustic: rustic("check", "--read-data"),
      borg: borg("check", "--verify-data"),
      sha256sum: ({ source }) => ({
        argv: [
          "sh",
          "-c",
          `find "$0" -type f -print0 | xargs -0 -P ${SHA256_PROCESSES} -n 64 sha256sum >/dev/null`,
          source,
        ],
      }),
    },
  },
  {
    name: "prune",
    title: "forget and prune all but one",
    before: "change",
    setUp: {
      [OWN]: ownBackup(),
      [VAULT]: withSource(vault("backup")),
      restic: withSource(restic("backup")),
      kopia: withSource(kopia("snapshot", "create")),
      rustic: withSource(rustic("backup")),
      borg: withSource(borg("create", "::newest")),
    },
    steps: {
      [OWN]: own("forget", "--keep-last", "1", "--prune"),
      [VAULT]: pruneVault,
      restic: restic("forget", "--keep-last", "1", "--prune"),
      kopia: pruneKopia,
      rustic: rustic("forget", "--keep-last", "1", "--prune", "--instant-delete"),
      borg: (places) => ({
        ...borg("prune")(places),
        argv: ["sh", "-c", "borg prune --keep-last 1 && if borg compact --help >/dev/null 2>&1; then borg compact; fi"],
      }),
    },
  },
];
