/** The page on which everybody changes their own password. */
import { type Html, markup } from "./markup.ts";
import { page, redirect } from "./page.ts";
import { signedIn } from "./sign_in.ts";
import { changeUser } from "../accounts/managing.ts";
import { SHORTEST_PASSWORD } from "../accounts/passwords.ts";
import { readForm } from "../exchange/form.ts";
import { NotAllowed } from "../exchange/problem.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { tell } from "../exchange/tell.ts";
import { Fault } from "../../core/fault.ts";

const PATH = "/password", MOST_FORM = 16 * 1024;

export const PASSWORD_PAGES: readonly Route[] = [
  { methods: ["GET"], path: PATH, access: "watch", handle: (exchange) => formPage(exchange) },
  { methods: ["POST"], path: PATH, access: "watch", mostBytes: MOST_FORM, handle: takeForm },
];

interface Wrong {
  readonly message: string;
  readonly hint: string;
}

const NOT_IT: Wrong = { message: "That is not your password", hint: "An admin can set a new one" };
const TWO: Wrong = { message: "The two passwords are not the same", hint: "Type them again" };

async function takeForm(exchange: Exchange): Promise<Reply> {
  const form = await readForm(exchange), { account, session, site, address } = exchange;
  if (account?.by !== "session" || session === undefined) throw new NotAllowed("This needs somebody who is signed in");
  const { name } = account, old = form.get("old") ?? "", password = form.get("password") ?? "";
  if (password !== form.get("again")) return formPage(exchange, TWO);
  if (!await site.accounts.confirm(session, { name, password: old, address })) return formPage(exchange, NOT_IT);
  try {
    await changeUser(site.accounts.file, name, { password }, site);
  } catch (error) {
    if (error instanceof Fault && error.code === "bad-password") return formPage(exchange, error);
    throw error;
  }
  tell(exchange, "changed their password");
  // All sessions have ended, and this one begins anew.
  return await signedIn(exchange, { name, password, isLong: false }, "/") ?? redirect("/sign-in");
}

function formPage(exchange: Exchange, wrong?: Wrong): Reply {
  const body = markup`${wrong !== undefined && alert(wrong)}
<p>Signed in as <strong>${exchange.account?.name ?? ""}</strong>. Another password ends all sessions, also on other
devices.</p>
<form class="narrow" method="post" action="${PATH}">
<input name="username" value="${exchange.account?.name ?? ""}" autocomplete="username" readonly hidden>
<label for="old">Your present password</label>
<input id="old" name="old" type="password" required autocomplete="current-password">
<label for="password">The new one, at least ${SHORTEST_PASSWORD} characters</label>
<input id="password" name="password" type="password" required minlength="${SHORTEST_PASSWORD}"
autocomplete="new-password">
<label for="again">The new one again</label>
<input id="again" name="again" type="password" required autocomplete="new-password">
<p class="actions"><button class="main">Change it</button></p></form>`;
  return page(exchange, { title: "Password", part: PATH, status: wrong === undefined ? 200 : 403, body });
}

function alert({ message, hint }: Wrong): Html {
  return markup`<div class="alert" role="alert"><p><strong class="bad">${message}</strong></p>
<p class="soft">${hint}</p></div>`;
}
