/// <reference lib="dom" />
/** The page: choose a folder, enter a key, browse snapshots and files. */
import { shown, writeArchive } from "./archive.ts";
import { cleanName } from "./names.ts";
import { placeOfFiles, placeOfHandle } from "./place.ts";
import { nameOf, Tree } from "./tree.ts";
import type { Entry, Place, Reader } from "./reader.ts";
import { isStorage, openStorage } from "./storage.ts";
import { isEncrypted, openVault } from "./vault.ts";

interface Pickers {
  showDirectoryPicker?(
    options: { id: string; mode: string },
  ): Promise<Parameters<typeof placeOfHandle>[0] & { name: string }>;
  showSaveFilePicker?(options: { suggestedName: string }): Promise<{ createWritable(): Promise<FileWriter> }>;
}

interface FileWriter {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

const pickers = globalThis as unknown as Pickers;
const ROWS = 500, MOST_TEXT = 256 * 1024, MOST_PICTURE = 25 * 1024 * 1024;
/** Largest download in bytes without file pickers: the whole file has to be in memory first. */
const MOST_BLOB = 1024 * 1024 * 1024;
const FORGET_MS = 10 * 60_000;
const PICTURES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
};

let place: Place | undefined, reader: Reader | undefined, tree: Tree | undefined;
/** How the chosen folder is opened. */
let open: (place: Place, secret: string) => Promise<Reader>;
let folder = "/", rowsShown = ROWS, pictureUrl: string | undefined;

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no ${id}`);
  return found as T;
}

function say(text: string): void {
  element("status").textContent = text;
}

function show(id: string, isShown = true): void {
  element(id).hidden = !isShown;
}

/** Runs an action, and shows any failure. */
async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    // A picker that was closed is no failure.
    if (error instanceof Error && error.name === "AbortError") return;
    say(error instanceof Error ? error.message : String(error));
  }
}

async function choose(chosen: Place, name: string): Promise<void> {
  const isOfStorage = await isStorage(chosen), isSealed = !isOfStorage && await isEncrypted(chosen);
  const row = document.getElementById("secret-row");
  if (isSealed && row === null) {
    throw new Error("This copy of the page has no field for a key: use one from the release");
  }
  place = chosen;
  open = isOfStorage ? (from) => openStorage(from, say) : (from, secret) => openVault(from, secret, say);
  element("chosen").textContent = shown(isSealed ? name : `${name}: this is not encrypted`);
  if (row !== null) row.hidden = !isSealed;
  show("unlock");
  say("");
}

async function unlock(): Promise<void> {
  // The page for storages has none.
  const field = document.getElementById("secret") as HTMLTextAreaElement | null;
  if (place === undefined) return;
  say("Opening ...");
  // What is said must be seen before the work begins.
  await new Promise((done) => setTimeout(done, 50));
  const opened = await open(place, field?.value ?? "");
  if (field !== null) field.value = "";
  reader = opened;
  show("unlock", false);
  showProblems(opened.problems);
  const select = element<HTMLSelectElement>("snapshots");
  select.replaceChildren(...opened.snapshots.map(({ id, start, host, name, files, bytes, complete }) => {
    const text = `${start.slice(0, 16).replace("T", " ")} UTC   ${host}: ${name}   ${files} files, ${sizeText(bytes)}`;
    return new Option(shown(complete ? text : `${text} (not finished)`), id);
  }));
  show("browse");
  await openSnapshot();
}

async function openSnapshot(): Promise<void> {
  const { value } = element<HTMLSelectElement>("snapshots");
  const snapshot = reader?.snapshots.find(({ id }) => id === value);
  if (reader === undefined || snapshot === undefined) return say("There is no snapshot in this folder");
  say("Reading the list of files ...");
  tree = await Tree.read(reader, snapshot, (count) => say(`Reading the list of files: ${count}`));
  say("");
  openFolder(tree.list(folder).length > 0 ? folder : "/");
}

function openFolder(path: string): void {
  folder = path;
  rowsShown = ROWS;
  show("preview", false);
  showCrumbs();
  showRows();
}

function showCrumbs(): void {
  const names = folder.split("/").filter((name) => name !== "");
  const crumbs = ["", ...names].map((name, n) =>
    linkTo(n === 0 ? "All files" : name, () => openFolder(`/${names.slice(0, n).join("/")}`))
  );
  element("crumbs").replaceChildren(...crumbs.flatMap((crumb, n) => n === 0 ? [crumb] : [" / ", crumb]));
}

function showRows(): void {
  const entries = tree?.list(folder) ?? [];
  element("rows").replaceChildren(...entries.slice(0, rowsShown).map(rowOf));
  show("more", entries.length > rowsShown);
  if (entries.length === 0) say("This folder is empty");
}

function rowOf(entry: Entry): HTMLElement {
  const { path, kind, size, mtimeMs, content } = entry, row = document.createElement("tr"), name = nameOf(path);
  const isFile = kind === "file" && content !== undefined;
  const label = kind === "dir"
    ? linkTo(`${name}/`, () => openFolder(path))
    : isFile
    ? linkTo(name, () => attempt(() => preview(entry)))
    : shown(`${name} (${kind})`);
  const time = Number.isFinite(mtimeMs) ? new Date(mtimeMs).toLocaleString() : "";
  const save = isFile ? [button("Save", `Save ${name}`, () => attempt(() => saveFile(entry)))] : [];
  row.append(cell(label), cell(isFile ? sizeText(size) : "", "number"), cell(time), cell(...save));
  return row;
}

function cell(...content: (string | Node)[]): HTMLElement;
function cell(content: string | Node, style: string): HTMLElement;
function cell(...content: (string | Node)[]): HTMLElement {
  const made = document.createElement("td"), isNumber = content[1] === "number";
  made.append(...(isNumber ? content.slice(0, 1) : content));
  if (isNumber) made.className = "number";
  return made;
}

function linkTo(text: string, action: () => void): HTMLElement {
  const made = button(text, undefined, action);
  made.className = "link";
  return made;
}

function button(text: string, label: string | undefined, action: () => void): HTMLElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = shown(text);
  if (label !== undefined) made.setAttribute("aria-label", shown(label));
  made.addEventListener("click", action);
  return made;
}

/** Previews texts and pictures; nothing that could run. */
async function preview(entry: Entry): Promise<void> {
  const type = PICTURES[nameOf(entry.path).split(".").pop()?.toLowerCase() ?? ""];
  if (entry.size > (type === undefined ? MOST_TEXT : MOST_PICTURE)) return await saveFile(entry);
  const bytes = await whole(entry), box = element("preview");
  if (pictureUrl !== undefined) URL.revokeObjectURL(pictureUrl);
  if (type !== undefined) {
    const picture = document.createElement("img");
    picture.alt = shown(nameOf(entry.path));
    picture.src = pictureUrl = URL.createObjectURL(new Blob(bytes, { type }));
    box.replaceChildren(picture);
  } else {
    const text = document.createElement("pre");
    text.textContent = new TextDecoder().decode(await new Blob(bytes).arrayBuffer());
    box.replaceChildren(text);
  }
  box.hidden = false;
  say(`${shown(nameOf(entry.path))}: verified`);
}

async function whole(entry: Entry): Promise<Uint8Array<ArrayBuffer>[]> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of opened().content(entry)) parts.push(part);
  return parts;
}

function opened(): Reader {
  if (reader === undefined) throw new Error("Nothing is open");
  return reader;
}

async function saveFile(entry: Entry): Promise<void> {
  const name = nameOf(entry.path);
  await save(cleanName(name), entry.size, async (write) => {
    let done = 0;
    for await (const part of opened().content(entry)) {
      await write(part);
      say(`Saving ${shown(name)}: ${sizeText(done += part.length)} of ${sizeText(entry.size)}`);
    }
  });
  say(`${shown(name)}: saved, and verified`);
}

async function saveFolder(): Promise<void> {
  const from = tree, path = folder;
  if (from === undefined) return;
  let bytes = 0, errors: string[] = [];
  for (const { size } of from.files(path)) bytes += size;
  await save(`${cleanName(nameOf(path)) === "_" ? "files" : cleanName(nameOf(path))}.zip`, bytes, async (write) => {
    const progress = (files: number, done: number) =>
      say(`Saving: ${files} files, ${sizeText(done)} of ${sizeText(bytes)}`);
    errors = await writeArchive(opened(), { tree: from, path }, { write, progress });
  });
  say(errors.length === 0 ? "Saved; all files were verified" : "Saved; see below, and backup-errors.txt in the ZIP");
  showProblems([...opened().problems, ...errors]);
}

/** Saves a file. It exists only if all of it was intact: a failure leaves nothing. */
async function save(
  name: string,
  size: number,
  fill: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  if (pickers.showSaveFilePicker !== undefined) {
    const writer = await (await pickers.showSaveFilePicker({ suggestedName: name })).createWritable();
    try {
      await fill((bytes) => writer.write(bytes));
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return await writer.close();
  }
  if (size > MOST_BLOB) throw new Error("This browser can't save that much: use Chromium, or the program");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  await fill((bytes) => Promise.resolve(void parts.push(Uint8Array.from(bytes))));
  const link = document.createElement("a"), url = URL.createObjectURL(new Blob(parts));
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function showProblems(problems: readonly string[]): void {
  element("problems").replaceChildren(...problems.map((text) => {
    const item = document.createElement("li");
    item.textContent = shown(text);
    return item;
  }));
  show("troubles", problems.length > 0);
}

function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let n = 0, size = bytes;
  for (; size >= 1024 && n < units.length - 1; n++) size /= 1024;
  return `${n === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[n]}`;
}

/** Reloads the page after some time in the background, and so drops the key. */
function forgetWhenHidden(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => location.reload(), FORGET_MS);
  });
}

function start(): void {
  const picker = pickers.showDirectoryPicker?.bind(globalThis);
  show(picker === undefined ? "files-label" : "pick");
  element("pick").addEventListener("click", () =>
    attempt(async () => {
      const handle = await picker?.({ id: "backup", mode: "read" });
      if (handle !== undefined) await choose(placeOfHandle(handle), handle.name);
    }));
  const files = element<HTMLInputElement>("files");
  files.addEventListener("change", () =>
    attempt(async () => {
      const chosen = Array.from(files.files ?? []);
      await choose(placeOfFiles(chosen), chosen[0]?.webkitRelativePath.split("/")[0] ?? "");
    }));
  element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(unlock);
  });
  element("snapshots").addEventListener("change", () => attempt(openSnapshot));
  element("zip").addEventListener("click", () => attempt(saveFolder));
  element("more").addEventListener("click", () => {
    rowsShown += ROWS;
    showRows();
  });
  forgetWhenHidden();
}

start();
