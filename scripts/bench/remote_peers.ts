/** What is compared on a server: a vault, restic's repository, and files as they are. */
import type { Command } from "./works.ts";
import { KEYS } from "./remote_servers.ts";

/** Where a peer finds everything in one run. */
export interface Address {
  readonly tool: readonly string[];
  readonly source: string;
  /** An own directory for caches and keys. */
  readonly store: string;
  /** Does not exist yet. */
  readonly target: string;
  /** Of the server. */
  readonly kind: string;
  readonly port: number;
  /** Of the run. */
  readonly name: string;
}

type Step = (at: Address) => Command;

export interface RemotePeer {
  readonly name: string;
  readonly programs: readonly string[];
  /** Of servers. */
  readonly kinds: readonly string[];
  /** Makes the place, not measured. */
  readonly prepare?: Step;
  readonly upload: Step;
  readonly restore: Step;
  /** Where what was restored is like the source. */
  readonly restored: (at: Address) => string;
}

/** The same places for all, by the names that each has for them. */
function locationOf({ kind, port, name }: Address, who: string): string {
  if (kind === "s3") return `s3:http://127.0.0.1:${port}/bucket/${name}-${who}`;
  return `${kind === "dav" ? "dav" : "rest"}:http://127.0.0.1:${port}/${name}-${who}/`;
}

const vault = (at: Address, ...args: string[]): Command => ({
  argv: [
    ...at.tool,
    ...args.slice(0, 1),
    "-s",
    locationOf(at, "vault"),
    "--key-file",
    `${at.store}/key`,
    ...args.slice(1),
  ],
  env: { XDG_STATE_HOME: `${at.store}/state`, ...KEYS },
});

/** A key in a file: a passphrase takes a second each time, on purpose. */
const makeVault: Step = (at) => ({
  argv: [
    "sh",
    "-ec",
    `place="$1"; shift
     echo bench > "$0/password"; chmod 600 "$0/password"
     "$@" init -s "$place" --vault --password-file "$0/password"
     "$@" key export "$0/key" -s "$place" --password-file "$0/password"`,
    at.store,
    locationOf(at, "vault"),
    ...at.tool,
  ],
  env: { XDG_STATE_HOME: `${at.store}/state`, ...KEYS },
});

const restic = (at: Address, ...args: string[]): Command => ({
  argv: ["restic", "-q", "--repo", locationOf(at, "restic"), "--cache-dir", `${at.store}/cache`, ...args],
  env: { RESTIC_PASSWORD: "bench", ...KEYS },
});

const rclone = (at: Address, ...args: string[]): Command => ({
  argv: ["rclone", "copy", "-q", "--config", "/dev/null", ...args],
  env: {
    AWS_CA_BUNDLE: "",
    RCLONE_CONFIG_PLACE_TYPE: at.kind === "s3" ? "s3" : "webdav",
    RCLONE_CONFIG_PLACE_PROVIDER: "Other",
    RCLONE_CONFIG_PLACE_URL: `http://127.0.0.1:${at.port}`,
    RCLONE_CONFIG_PLACE_ENDPOINT: `http://127.0.0.1:${at.port}`,
    RCLONE_CONFIG_PLACE_ACCESS_KEY_ID: KEYS.AWS_ACCESS_KEY_ID,
    RCLONE_CONFIG_PLACE_SECRET_ACCESS_KEY: KEYS.AWS_SECRET_ACCESS_KEY,
  },
});

const remoteOf = ({ name }: Address) => `place:bucket/${name}-rclone`;

/** The first is this tool's. */
export const PEERS: readonly RemotePeer[] = [
  {
    name: "vault",
    programs: [],
    kinds: ["rest", "rest-server", "dav", "s3"],
    prepare: makeVault,
    upload: (at) => vault(at, "backup", at.source),
    restore: (at) => vault(at, "restore", "latest", "--target", at.target),
    restored: ({ target }) => target,
  },
  {
    name: "restic",
    programs: ["restic"],
    kinds: ["rest", "rest-server", "s3"],
    prepare: (at) => restic(at, "init"),
    upload: (at) => restic(at, "backup", at.source),
    restore: (at) => restic(at, "restore", "latest", "--target", at.target),
    restored: ({ target, source }) => `${target}${source}`,
  },
  {
    name: "rclone copy",
    programs: ["rclone"],
    kinds: ["dav", "s3"],
    upload: (at) => rclone(at, at.source, remoteOf(at)),
    restore: (at) => rclone(at, remoteOf(at), at.target),
    restored: ({ target }) => target,
  },
];
