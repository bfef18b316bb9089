/** Pages for restoring to places where the server may write: a form, a preview, and the job. */
import { coded, type Html, markup, type Part } from "./markup.ts";
import { folderPicker, pickedIn, usualButton } from "./folder_picker.ts";
import { browseLink } from "./links.ts";
import { page, redirect, table, timeOf } from "./page.ts";
import { created, planned } from "../api/job_routes.ts";
import { needsPassword } from "../exchange/confirmed.ts";
import { readForm } from "../exchange/form.ts";
import { BadRequest } from "../exchange/problem.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { encodedPath, type Query } from "../exchange/target.ts";
import { pathOf, visibleEntry } from "../exchange/visible.ts";
import { deskOf } from "../jobs/job_access.ts";
import { NowhereToRestore, restoreJob } from "../api/restore_order.ts";
import type { RestorePreview } from "../reader/reader.ts";
import { type Apath, nameOf, TOP } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import { countText } from "../../core/size_text.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

export const RESTORE_ROUTES: readonly Route[] = [
  { methods: ["GET"], path: "/restore/{ref}/{path...}", access: "run", handle: firstForm },
  { methods: ["POST"], path: "/restore/{ref}/{path...}", access: "run", handle: takeForm },
];

/** The choices so far. */
interface Choice {
  readonly place: "new" | "back";
  readonly base: string;
  readonly name: string;
  readonly owners: string;
  readonly overwrite: string;
}

interface Restoring {
  readonly snapshot: SnapshotInfo;
  readonly path: Apath;
  readonly choice: Choice;
}

const OVERWRITE: readonly (readonly [value: string, text: string])[] = [
  ["if-newer", "replace what is older"],
  ["if-changed", "replace what differs"],
  ["never", "keep it"],
  ["always", "replace it"],
];

async function firstForm(exchange: Exchange): Promise<Reply> {
  deskOf(exchange);
  return await formPage(exchange, await restoring(exchange, undefined));
}

async function restoring(exchange: Exchange, form: Query | undefined): Promise<Restoring> {
  const { site: { restoreBelow } } = exchange;
  if (restoreBelow.length === 0) throw new NowhereToRestore();
  const { snapshot, entry: { path } } = await visibleEntry(exchange, exchange.params.ref ?? "", pathOf(exchange.rest));
  const what = path === TOP ? snapshot.name : textOf(nameOf(path));
  const choice: Choice = {
    place: form?.get("place") === "back" ? "back" : "new",
    base: form?.get("base") ?? textOf(restoreBelow[0]!),
    name: form?.get("name") ?? `restored-${what.replace(/[^\p{L}\p{N}._ -]/gu, "_")}-${snapshot.time.slice(0, 10)}`,
    owners: form?.get("owners") ?? "target",
    overwrite: form?.get("overwrite") ?? "if-newer",
  };
  return { snapshot, path, choice };
}

async function takeForm(exchange: Exchange): Promise<Reply> {
  const form = await readForm(exchange), picked = pickedIn(form), asked = await restoring(exchange, form);
  if (picked !== undefined) {
    const { chosen: base = asked.choice.base } = picked;
    return await formPage(exchange, { ...asked, choice: { ...asked.choice, base } }, { open: picked.open });
  }
  try {
    const job = await restoreJob(exchange, orderOf(asked), form.get("password"));
    if (form.get("do") === "restore") {
      created(exchange, deskOf(exchange).put(job));
      return redirect("/jobs");
    }
    return await formPage(exchange, asked, { plan: await planned(exchange, job) });
  } catch (error) {
    // What somebody has chosen isn't lost with what is wrong about it.
    if (!(error instanceof Fault)) throw error;
    return await formPage(exchange, asked, { wrong: error });
  }
}

/** The request for the interface. A directory or file appears in the new directory under its own name. */
function orderOf({ snapshot, path, choice }: Restoring): object {
  const { place, base, name, owners, overwrite } = choice;
  const chosen = path === TOP ? {} : { paths: [textOf(path)] };
  const order = { kind: "restore", snapshot: snapshot.id, ...chosen };
  if (place === "back") return { ...order, inPlace: true, overwrite };
  if (name.trim() === "") throw new BadRequest("The new directory needs a name", "Give it one");
  const depth = path === TOP ? 0 : path.split("/").length - 2;
  return { ...order, target: `${base.replace(/\/+$/, "")}/${name}`, owners, ...(depth > 0 && { strip: depth }) };
}

interface Said {
  readonly plan?: RestorePreview;
  readonly wrong?: Fault;
  /** Path of the directory that is open in the picker. */
  readonly open?: string;
}

async function formPage(exchange: Exchange, asked: Restoring, { plan, wrong, open }: Said = {}): Promise<Reply> {
  const { snapshot, path, choice } = asked, what = path === TOP ? snapshot.name : textOf(nameOf(path));
  const body = markup`<p class="crumbs"><a href="${browseLink(snapshot, path)}">${what}</a> as of ${
    timeOf(exchange, snapshot.time)
  } <span class="soft">${shortId(snapshot.id)}</span></p>
${
    wrong !== undefined &&
    markup`<div class="alert" role="alert"><p><strong class="bad">${wrong.message}</strong></p>
<p class="soft">${coded(wrong.hint)}</p></div>`
  }
<form class="card form" method="post" action="/restore/${snapshot.id}${encodedPath(path)}">
${usualButton("do", "plan")}
${newPlace(exchange, choice, await folderPicker(exchange, PICKER, open))}${backPlace(exchange, choice)}${
    password(exchange)
  }
<p class="actions"><button name="do" value="plan">Show what it would do</button>
<button class="main" name="do" value="restore">Restore</button></p></form>
${plan !== undefined && planTable(plan)}
<p class="soft">Set-user-ID bits, devices and capabilities are not restored. The job shows on the page of jobs.</p>`;
  return page(exchange, {
    title: `Restore ${what}`,
    part: "/files",
    status: wrong === undefined ? 200 : 400,
    body,
  });
}

const PICKER = { use: "restore", choose: "Restore into a new directory in it" } as const;

function newPlace({ account }: Exchange, { place, base, name, owners }: Choice, picker: Html | undefined): Html {
  const radio = markup`<label class="inline"><input type="radio" name="place" value="new"${
    place === "new" && markup` checked`
  }> Into a new directory</label>`;
  return markup`<fieldset>${
    account?.role === "admin" ? markup`<legend>${radio}</legend>` : markup`<legend>Into a new directory</legend>`
  }<label for="base">Below</label><input id="base" name="base" value="${base}" maxlength="4000" spellcheck="false">
${picker}
<label for="name">Its name</label><input id="name" name="name" value="${name}" maxlength="1000">
<label for="owners">Files belong to</label><select id="owners" name="owners">${
    options([["target", "the owner of that directory"], ["names", "whoever they belonged to"]], owners)
  }</select></fieldset>`;
}

function backPlace({ account }: Exchange, { place, overwrite }: Choice): Html | undefined {
  if (account?.role !== "admin") return undefined;
  return markup`<fieldset><legend><label class="inline"><input type="radio" name="place" value="back"${
    place === "back" && markup` checked`
  }> To where it was backed up from</label></legend>
<label for="overwrite">If a file is there</label><select id="overwrite" name="overwrite">${
    options(OVERWRITE, overwrite)
  }</select></fieldset>`;
}

function password(exchange: Exchange): Html | undefined {
  if (exchange.account?.role !== "admin" || !needsPassword(exchange)) return undefined;
  return markup`<label for="password">Your password, to replace what is there</label>
<input id="password" name="password" type="password" autocomplete="current-password">`;
}

export function options(all: readonly (readonly [value: string, text: string])[], chosen: string): Part {
  return all.map(([value, text]) =>
    markup`<option value="${value}"${value === chosen && markup` selected`}>${text}</option>`
  );
}

const DOES: Readonly<Record<string, string>> = {
  create: "new",
  replace: "replaced",
  remove: "removed",
  refuse: "stays: something newer or different is there",
};

function planTable({ changes, counts }: RestorePreview): Html {
  const sum = Object.entries(counts).map(([action, count]) => `${countText(count)} ${DOES[action]}`);
  if (sum.length === 0) return markup`<h2>What it would do</h2><p>Nothing: everything is there already.</p>`;
  const rows = changes.map(({ action, path }) => [
    markup`<span class="${action === "refuse" ? "bad" : action === "create" ? "" : "warn"}">${DOES[action]}</span>`,
    textOf(path),
  ]);
  const all = Object.values(counts).reduce((total, count) => total + count, 0);
  return markup`<h2>What it would do</h2><p>${sum.join(", ")}.</p>${
    table("Changes", [{ name: "What" }, { name: "Path" }], rows)
  }${changes.length < all && markup`<p class="soft">These are the first ${countText(changes.length)}.</p>`}`;
}
