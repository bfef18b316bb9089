/**
 * The architecture as data: the rooms of `src/`, their doors and faces, and who may touch the outside world. The lint
 * rules (lint_rooms.ts) and the structure check (structure.ts) read these tables; they stand nowhere else.
 */

const ENGINE_PARTS = ["core", "platform", "snapshot", "catalog", "intake", "target"] as const;
const ENGINES = ["source", "backend", ...ENGINE_PARTS, "storage", "vault"] as const;

/** A room to the rooms that it may import. `main.ts` may import all. */
export const DOORS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  platform: ["core"],
  snapshot: ["core"],
  backend: ["core", "platform"],
  intake: ["core", "platform", "snapshot"],
  target: ["core", "platform", "snapshot"],
  catalog: ["core", "platform", "snapshot"],
  source: ["core", "platform", "backend"],
  storage: ENGINE_PARTS,
  vault: [...ENGINE_PARTS, "backend"],
  operations: ENGINES,
  notify: ["core", "platform", "backend"],
  // Runs in a browser, and is a second reader of the formats: it shares no code.
  recover: [],
  jobs: [...ENGINES, "operations", "notify"],
  server: [...ENGINES, "operations", "jobs", "notify"],
  cli: [...ENGINES, "operations", "jobs", "server", "notify"],
};

/** What other rooms may import of a room, as paths in it; `*` stands for one name. A room without a row is open. */
export const FACES: Readonly<Record<string, readonly Face[]>> = {
  backend: [
    {
      files: [
        "backend.ts",
        "open.ts",
        "stoppable.ts",
        "location.ts",
        "credentials.ts",
        "faults.ts",
        "open_tree.ts",
        "remote_tree.ts",
      ],
    },
    { files: ["http_post.ts"], only: ["notify/"] },
    { files: ["http_text.ts"], only: ["cli/session/"] },
  ],
  catalog: [{
    files: ["catalog.ts", "change_table.ts", "faults.ts", "version_row.ts", "path_changes.ts", "compression_ratios.ts"],
  }, { files: ["*.ts"], only: ["storage/", "vault/"] }],
  storage: [
    { files: ["storage.ts", "writer.ts", "layout/init.ts", "*/faults.ts", "tree/build_tree.ts"] },
    { files: ["repair/*.ts", "recovery/*.ts"], only: ["operations/repair/"] },
  ],
  vault: [
    { files: ["vault.ts", "access.ts", "*/faults.ts"] },
    { files: ["keys/*.ts", "seal/*.ts", "store/sealed_objects.ts"], only: ["operations/keys/"] },
    { files: ["repair/*.ts"], only: ["operations/repair/"] },
    { files: ["salvage/*.ts", "seal/*.ts"], only: ["operations/salvage/"] },
  ],
};

export interface Face {
  readonly files: readonly string[];
  /** Places of `src/` that may use it; all by default. */
  readonly only?: readonly string[];
}

/** Modules of the runtime and packages to the places of `src/` that may import them. What isn't listed, nobody may. */
export const MODULES: Readonly<Record<string, readonly string[]>> = {
  "node:buffer": [""],
  "node:crypto": [""],
  "node:zlib": [""],
  "node:sqlite": ["catalog/"],
  "node:dns": ["platform/"],
  "node:fs": ["platform/"],
  "node:os": ["platform/"],
  "node:process": ["platform/"],
  "node:child_process": ["platform/"],
  "node:worker_threads": ["platform/"],
  "node:module": ["platform/"],
  "node:net": ["platform/", "backend/", "server/"],
  "node:stream": ["platform/", "backend/"],
  "node:http": ["platform/", "backend/", "server/"],
  "node:https": ["platform/", "backend/", "server/"],
  "@noble/ciphers": ["vault/", "recover/"],
  "@noble/hashes": ["core/", "recover/"],
  "@scure/base": ["vault/", "recover/"],
  "age-encryption": ["vault/", "recover/"],
  "aws4fetch": ["backend/"],
  "commander": ["cli/"],
  "croner": ["jobs/"],
  "diff": ["server/"],
  "fflate": ["recover/"],
  "fzstd": ["recover/"],
  "get-east-asian-width": ["cli/"],
  "jsonc-parser": ["core/", "jobs/", "cli/"],
  "nodemailer": ["notify/"],
  "ssh2": ["backend/"],
  "string-width": ["cli/"],
  "uqr": ["vault/"],
  "zod": ["core/", "operations/", "notify/", "jobs/", "server/", "cli/"],
};

/** A global name that not everybody may use. */
export interface Guard {
  /** The places of `src/` that may. */
  readonly places: readonly string[];
  /** What everybody else does instead. */
  readonly instead: string;
  /**
   * Members that everybody may use, as in `Date.parse`. `new` stands for a construction with arguments. Any other use,
   * also one that gives the name away (`const D = Date`), is for `places` alone.
   */
  readonly open?: readonly string[];
}

const CLOCK = "take a Clock or a Random as an argument";
const AMBIENT: Guard = { places: ["platform/"], instead: CLOCK };
const MACHINE: Guard = { places: ["platform/"], instead: "take what you need as an argument, or add it to platform/" };
const NETWORK: Guard = { places: ["backend/"], instead: "use a backend" };
const WAIT: Guard = { places: ["platform/"], instead: "wait by the Clock" };
/** A page has a browser around it, and no machine. */
const withPages = (guard: Guard): Guard => ({ ...guard, places: [...guard.places, "recover/"] });

export const GUARDS: Readonly<Record<string, Guard>> = {
  Deno: MACHINE,
  globalThis: withPages(MACHINE),
  self: MACHINE,
  window: MACHINE,
  navigator: MACHINE,
  process: MACHINE,
  require: MACHINE,
  Worker: MACHINE,
  Reflect: { ...MACHINE, open: ["apply"] },
  eval: MACHINE,
  Function: MACHINE,
  localStorage: MACHINE,
  fetch: NETWORK,
  WebSocket: NETWORK,
  EventSource: NETWORK,
  XMLHttpRequest: NETWORK,
  Date: { ...AMBIENT, open: ["new", "parse", "UTC", "prototype"] },
  Math: { ...AMBIENT, open: Object.getOwnPropertyNames(Math).filter((name) => name !== "random") },
  performance: AMBIENT,
  crypto: { ...AMBIENT, open: ["subtle"] },
  setTimeout: withPages(WAIT),
  setInterval: WAIT,
  Atomics: {
    ...WAIT,
    open: ["add", "and", "compareExchange", "exchange", "load", "notify", "or", "store", "sub", "xor"],
  },
};

/** Types that a cast may make only where bytes or text are parsed. */
export const PARSED_TYPES: Readonly<Record<string, readonly string[]>> = {
  Raw: ["core/raw.ts"],
  Apath: ["core/apath.ts"],
  ContentId: ["core/content_id.ts"],
  HunkId: ["core/content_id.ts"],
  RootId: ["core/content_id.ts"],
};

/** The room of a path below `src/`; undefined for a file that lies in `src/` itself. */
export function roomOf(inside: string): string | undefined {
  const slash = inside.indexOf("/");
  return slash < 0 ? undefined : inside.slice(0, slash);
}

/**
 * Says why a file may not import another one; undefined if it may.
 * @param from path below `src/`
 * @param to the same; undefined for a file outside of `src/`
 */
export function brokenDoor(from: string, to: string | undefined, specifier: string): string | undefined {
  const room = roomOf(from);
  const doors = room === undefined ? undefined : DOORS[room];
  if (room === undefined || doors === undefined) return noSuchRoom(room ?? from);
  const other = to === undefined ? undefined : roomOf(to);
  if (to === undefined || other === undefined) {
    return `Room "${room}" may not import ${JSON.stringify(specifier)}, which lies outside src/ or in no room of it`;
  }
  if (other === room) return undefined;
  if (!doors.includes(other)) return `Room "${room}" may not import room "${other}": ${doorsText(doors)}`;
  return brokenFace(from, other, to.slice(other.length + 1));
}

function noSuchRoom(name: string): string {
  return `"${name}" is not a room of src/: ${Object.keys(DOORS).join(", ")} are`;
}

function doorsText(doors: readonly string[]): string {
  return doors.length === 0 ? "it has no doors" : `its doors lead to ${doors.join(", ")}`;
}

function brokenFace(from: string, room: string, file: string): string | undefined {
  const face = FACES[room];
  if (face === undefined) return undefined;
  const isOpen = face.some(({ files, only }) =>
    (only === undefined || only.some((place) => from.startsWith(place))) && files.some((pattern) => fits(pattern, file))
  );
  if (isOpen) return undefined;
  return `${JSON.stringify(`${room}/${file}`)} is inside of room "${room}": its face is ${faceText(face)}`;
}

function faceText(face: readonly Face[]): string {
  return face.filter(({ only }) => only === undefined).flatMap(({ files }) => files).join(", ");
}

function fits(pattern: string, file: string): boolean {
  const source = pattern.replace(/[.]/g, "\\.").replaceAll("*", "[^/]+");
  return new RegExp(`^${source}$`).test(file);
}

/** Says why a file may not import a module of the runtime or a package; undefined if it may. @param from path below `src/` */
export function brokenModule(from: string, specifier: string): string | undefined {
  const name = /^(?:node:[^/]+|@[^/]+\/[^/]+|[^/]+)/.exec(specifier.replace(/^npm:/, ""))?.[0] ?? specifier;
  const places = MODULES[name];
  if (places === undefined) return `${JSON.stringify(specifier)} is not on the list of modules in scripts/rooms.ts`;
  if (places.some((place) => from.startsWith(place))) return undefined;
  return `${JSON.stringify(specifier)} may only be imported in ${places.join(", ")}`;
}
