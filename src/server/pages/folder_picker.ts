/**
 * Chooses a directory inside a form. Each of its buttons sends the whole form, so that it works without scripts and
 * nothing that was typed is lost.
 */
import { type Html, markup } from "./markup.ts";
import { type Folders, foldersFor, topsOf, type Use } from "../api/folder_routes.ts";
import type { Exchange } from "../exchange/route.ts";
import type { Query } from "../exchange/target.ts";
import { Fault } from "../../core/fault.ts";
import { isBelow, parentPath, type Raw, rawOf, textOf } from "../../core/raw.ts";

/** Name of the buttons that open a directory, and of those that choose one. */
const OPEN = "open-folder", CHOOSE = "choose-folder";

export interface Picker {
  readonly use: Use;
  /** Text of the button that chooses the open directory. */
  readonly choose: string;
}

/** What a button of the picker has asked for; undefined if it was none of them. */
export function pickedIn(form: Pick<Query, "get">): { readonly chosen?: string; readonly open: string } | undefined {
  const chosen = form.get(CHOOSE), open = form.get(OPEN) ?? chosen;
  return open === undefined ? undefined : { open, ...(chosen !== undefined && { chosen }) };
}

/**
 * The picker at a directory. @param open path of the directory; "": above all of them; undefined: closed
 * @returns undefined if there is nothing to choose from
 */
export async function folderPicker(exchange: Exchange, picker: Picker, open?: string): Promise<Html | undefined> {
  if (topsOf(exchange, picker.use).length === 0) return undefined;
  if (open === undefined) {
    return markup`<p class="help"><button name="${OPEN}" value="">Look for a directory</button></p>`;
  }
  try {
    const found = await foldersFor(exchange, picker.use, open === "" ? undefined : rawOf(open));
    return opened(exchange, picker, found);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return opened(exchange, picker, await foldersFor(exchange, picker.use, undefined), error);
  }
}

function opened(exchange: Exchange, { use, choose }: Picker, { path, folders, isWhole }: Folders, wrong?: Fault): Html {
  const shown = folders.filter(({ path }) => textOf(path).isWellFormed());
  return markup`<div class="card folders" role="group" aria-label="Directories">${
    wrong !== undefined && markup`<p class="bad" role="alert">${wrong.message}</p>`
  }${
    path !== undefined && markup`<p><strong>${textOf(path)}</strong></p><p class="actions">
<button name="${CHOOSE}" value="${textOf(path)}">${choose}</button>
<button name="${OPEN}" value="${above(exchange, use, path)}">Up</button></p>`
  }${shown.length === 0 ? markup`<p class="soft">There are no directories in it.</p>` : folderList(shown)}${
    !isWhole && markup`<p class="soft">There are more, which are not shown. Type their names.</p>`
  }</div>`;
}

function folderList(folders: Folders["folders"]): Html {
  return markup`<ul>${
    folders.map(({ name, path }) =>
      markup`<li><button class="plain" name="${OPEN}" value="${textOf(path)}" aria-label="Open ${textOf(name)}">${
        textOf(name)
      }</button></li>`
    )
  }</ul>`;
}

/** The directory above; "" above those of the command line. */
function above(exchange: Exchange, use: Use, path: Raw): string {
  const parent = parentPath(path);
  return topsOf(exchange, use).some((top) => parent === top || isBelow(parent, top)) ? textOf(parent) : "";
}

/** What Enter does in a field: browsers take the first button of a form, which may be one of the picker. */
export function usualButton(name: string, value: string): Html {
  return markup`<button class="unseen" name="${name}" value="${value}" tabindex="-1" aria-hidden="true">${value}</button>`;
}
