/** Fields of the form for a job, by its kind. The schema describes the keys. */
import { fieldsOf } from "../../core/json.ts";
import { type JobForm, jsonSchema } from "../../jobs/schema/schema.ts";

/** Values of the fields of a form. */
export interface Written {
  get(name: string): string | undefined;
}

export interface Field {
  readonly key: string;
  readonly label: string;
  /**
   * `lines`: a list, one item a line. `yes`: a checkbox for true; `no`: one that is ticked by default. `one`: one of
   * `values`. `keep`: "policy", or rules. `vault`: the name of a vault.
   */
  readonly kind: "text" | "lines" | "yes" | "no" | "one" | "many" | "keep" | "vault";
  readonly values?: readonly string[];
  /** True if the server must allow removals for it. */
  readonly isRemoving?: true;
  /** What a field of the kind `keep` says when no rules are chosen. */
  readonly allText?: string;
  /** A word that stands for itself where it is the only line. */
  readonly word?: string;
}

/** Value of the field for rules, which have fields of their own: `keep.daily`. */
export const KEEP_RULES = "rules";
/** Rules with a field, and their labels. */
export const KEEP_KEYS: readonly (readonly [rule: string, label: string])[] = [
  ["last", "The newest, so many"],
  ["hourly", "One an hour, for so many hours"],
  ["daily", "One a day, for so many days"],
  ["weekly", "One a week, for so many weeks"],
  ["monthly", "One a month, for so many months"],
  ["yearly", "One a year, for so many years"],
  ["within", "All of the last, such as 30d or 1y"],
  ["free", "As long as so much space is free, such as 50G"],
];

export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly Field[];
  /** True for a field that few users need. */
  readonly isRare?: true;
}

const text = (key: string, label: string): Field => ({ key, label, kind: "text" });
const lines = (key: string, label: string): Field => ({ key, label, kind: "lines" });
const yes = (key: string, label: string): Field => ({ key, label, kind: "yes" });
const no = (key: string, label: string): Field => ({ key, label, kind: "no" });
const one = (key: string, label: string, values: readonly string[]): Field => ({ key, label, kind: "one", values });

const CHOICE = [text("name", "Name of the series"), text("host", "Host"), lines("tags", "Tags")];
const PRESETS: Field = { key: "presets", label: "Known junk files", kind: "many" };
const KEEP: Field = { key: "keep", label: "Snapshots that stay", kind: "keep" };
const VAULT: Field = { key: "to", label: "Vault", kind: "vault" };

const GROUPS: Readonly<Record<string, readonly FieldGroup[]>> = {
  backup: [
    {
      title: "What to back up",
      fields: [lines("sources", "Directories and files"), text("name", "Name of the series")],
    },
    {
      title: "What to exclude",
      fields: [
        lines("exclude", "Patterns"),
        PRESETS,
        text("excludeLargerThan", "Files larger than"),
        yes("excludeCaches", "Directories marked as caches"),
        yes("oneFileSystem", "Stay on one file system"),
      ],
    },
    {
      title: "More to exclude",
      isRare: true,
      fields: [
        lines("iexclude", "Patterns, ignoring case"),
        lines("excludeIfPresent", "Directories that hold a file named"),
        no("ignoreFiles", "What .backupignore files say"),
      ],
    },
    { title: "The snapshot", fields: [lines("tags", "Tags"), text("description", "Description"), KEEP] },
    {
      title: "How files are read",
      isRare: true,
      fields: [
        yes("skipIfUnchanged", "No snapshot if nothing has changed"),
        no("tree", "A tree to browse"),
        yes("force", "Read every file"),
        yes("ignoreInode", "Ignore inode numbers"),
        yes("ignoreCtime", "Ignore ctime"),
      ],
    },
  ],
  check: [{
    title: "What to check",
    fields: [
      text("readDataSubset", "Part of the data to read"),
      yes("readData", "Read all data"),
      text("snapshot", "Only this snapshot"),
      text("path", "Only this path in it"),
    ],
  }],
  drill: [{ title: "What to restore", fields: [text("bytes", "At most"), text("name", "Name of the series")] }],
  doctor: [],
  copy: [
    {
      title: "What to copy",
      fields: [VAULT, one("snapshots", "Snapshots", ["all", "latest"]), ...CHOICE],
    },
    { title: "Afterwards", fields: [KEEP, text("checkSubset", "Read a part of the target")] },
  ],
  prune: [
    { title: "What to forget", fields: [{ ...KEEP, allText: "all of them: only space is freed" }, ...CHOICE] },
    {
      title: "Vaults",
      isRare: true,
      fields: [
        text("grace", "Delete after"),
        text("keepUnused", "Unneeded for"),
        text("maxUnused", "May lie unused"),
        text("maxRepack", "Write anew at most"),
      ],
    },
  ],
  tag: [
    { title: "Which snapshots", fields: [lines("snapshots", "Snapshots")] },
    {
      title: "What to change",
      fields: [
        lines("add", "Tags to add"),
        { ...lines("remove", "Tags to remove"), isRemoving: true },
        { ...lines("set", "Only these tags"), isRemoving: true },
        text("description", "Description"),
      ],
    },
  ],
  forget: [
    { title: "These snapshots", fields: [lines("snapshots", "Snapshots")] },
    { title: "Or by rules", fields: [{ ...KEEP, allText: "all that are not named above" }, ...CHOICE] },
  ],
  tree: [{
    title: "Which trees",
    fields: [lines("snapshots", "Snapshots"), one("action", "What to do", ["build", "remove"])],
  }],
  rewrite: [
    {
      title: "Which snapshots",
      fields: [
        { ...lines("snapshots", "Snapshots"), word: "all" },
        text("name", "Name of the series"),
        text("host", "Host"),
        text("tag", "Tag"),
      ],
    },
    { title: "What to remove from them", fields: [lines("remove", "Paths"), lines("exclude", "Patterns")] },
    {
      title: "What to correct",
      isRare: true,
      fields: [
        text("newHost", "Host"),
        text("newName", "Name of the series"),
        text("newTime", "Time"),
        lines("newTags", "Tags"),
        text("newDescription", "Description"),
      ],
    },
  ],
};
const WHEN: FieldGroup = { title: "When", fields: [text("every", "Schedule"), text("timeZone", "Time zone")] };
const TOLD: FieldGroup = { title: "Notifications", isRare: true, fields: [lines("notify", "Targets")] };

/** The fields for a kind of job, in groups; undefined for a kind without a form, which is written as text. */
export function groupsOf(kind: string): readonly FieldGroup[] | undefined {
  const own = Object.hasOwn(GROUPS, kind) ? GROUPS[kind] : undefined;
  return own && [...own, WHEN, TOLD];
}

/** Descriptions in the schema of a kind of job, and of its keys. */
export function wordsOf(kind: string): { readonly about: string; readonly help: ReadonlyMap<string, Help> } {
  const own = schemaOf(kind, "recurring");
  const help = Object.entries(fieldsOf(own.properties)).map(([key, value]) => [key, helpOf(fieldsOf(value))] as const);
  return { about: String(schemaOf(kind, "job").description ?? ""), help: new Map(help) };
}

function schemaOf(kind: string, form: JobForm): Readonly<Record<string, unknown>> {
  const { anyOf = [], oneOf = anyOf } = fieldsOf(jsonSchema(form)), kinds = Array.isArray(oneOf) ? oneOf : [];
  return kinds.map(fieldsOf).find(({ properties }) => fieldsOf(fieldsOf(properties).kind).const === kind) ?? {};
}

export interface Help {
  readonly text: string;
  /** Allowed items of a list, if the schema restricts them. */
  readonly values: readonly string[];
}

function helpOf({ description, items }: Readonly<Record<string, unknown>>): Help {
  const values = fieldsOf(items).enum;
  return { text: String(description ?? ""), values: Array.isArray(values) ? values.map(String) : [] };
}

/** The job that a form describes. */
export function jobOfForm(kind: string, form: Written): Readonly<Record<string, unknown>> {
  const fields = (groupsOf(kind) ?? []).flatMap(({ fields }) => fields), { help } = wordsOf(kind);
  const entries = fields.map((field) => [field.key, valueOf(field, form, help.get(field.key)?.values ?? [])] as const);
  return Object.fromEntries([["kind", kind], ...entries.filter(([, value]) => value !== undefined)]);
}

function valueOf({ key, kind, word }: Field, form: Written, values: readonly string[]): unknown {
  const written = form.get(key) ?? "";
  if (kind === "yes") return written === "on" ? true : undefined;
  if (kind === "no") return written === "on" ? undefined : false;
  if (kind === "lines") {
    const items = written.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    return word !== undefined && items.length === 1 && items[0] === word ? word : listOf(items);
  }
  if (kind === "keep" && written === KEEP_RULES) return rulesOf(key, form);
  if (kind === "many") return listOf(values.filter((value) => form.get(`${key}.${value}`) === "on"));
  return written.trim() === "" ? undefined : written.trim();
}

/** Rules as a job has them; what is no number is for the schema to judge. */
function rulesOf(key: string, form: Written): Readonly<Record<string, unknown>> {
  const written = KEEP_KEYS.map(([rule]) => [rule, (form.get(`${key}.${rule}`) ?? "").trim()] as const);
  return Object.fromEntries(
    written.filter(([, text]) => text !== "").map(([rule, text]) => [rule, /^\d+$/.test(text) ? Number(text) : text]),
  );
}

function listOf(values: readonly string[]): readonly string[] | undefined {
  return values.length === 0 ? undefined : values;
}

/** The form for a job; undefined if the job has keys for which there is no field. */
export function formOfJob(job: Readonly<Record<string, unknown>>): Written | undefined {
  const { by: _, limits: __, $schema: ___, ...said } = job, kind = String(job.kind), groups = groupsOf(kind);
  if (groups === undefined) return undefined;
  const form = new Map<string, string>();
  for (const field of groups.flatMap(({ fields }) => fields)) fill(form, field, said[field.key]);
  return inOrder(jobOfForm(kind, form)) === inOrder(said) ? form : undefined;
}

function inOrder(job: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(job).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function fill(form: Map<string, string>, { key, kind }: Field, value: unknown): void {
  if (kind === "yes" || kind === "no") {
    form.set(key, value === true || (kind === "no" && value === undefined) ? "on" : "");
  } else if (kind === "many") {
    for (const each of Array.isArray(value) ? value : []) {
      form.set(`${key}.${each}`, "on");
    }
  } else if (kind === "lines") form.set(key, Array.isArray(value) ? value.join("\n") : String(value ?? ""));
  else if (kind === "keep" && typeof value === "object") {
    form.set(key, KEEP_RULES);
    for (const [rule, amount] of Object.entries(fieldsOf(value))) form.set(`${key}.${rule}`, String(amount));
  } else form.set(key, value === undefined ? "" : String(value));
}

/** Values that the form for a new job begins with: pruning without rules would not forget anything. */
const FIRST: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  prune: { keep: "policy" },
  tree: { action: "build" },
};

/** The form for a new job. @param snapshots what it is about, if the user came from there */
export function firstForm(kind: string, snapshots = ""): Written {
  const form = formOfJob({ kind, ...Object.hasOwn(FIRST, kind) ? FIRST[kind] : undefined }) ?? new Map();
  return { get: (name) => name === "snapshots" && snapshots !== "" ? snapshots : form.get(name) };
}
