/** Pages for accounts and their tokens, for admins, and for entering one's password again. */
import { type Html, markup } from "./markup.ts";
import { options } from "./restore_pages.ts";
import { ago, page, redirect, table } from "./page.ts";
import { addToken, dropToken, dropUser, putUser, readChange, readToken } from "../api/account_routes.ts";
import { assertConfirmed, needsPassword } from "../exchange/confirmed.ts";
import { readForm } from "../exchange/form.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import type { Query } from "../exchange/target.ts";
import { ROLE_NAMES, type User } from "../accounts/user_file.ts";
import { sizeText } from "../../core/size_text.ts";

export const ACCOUNT_PAGES: readonly Route[] = [
  { methods: ["GET"], path: "/accounts", access: "admin", handle: (exchange) => accountsPage(exchange) },
  { methods: ["POST"], path: "/accounts", access: "admin", handle: takeForm },
  { methods: ["POST"], path: "/confirm", access: "watch", handle: confirm },
];

const ROLE_TEXTS: Readonly<Record<User["role"], string>> = {
  watch: "watch: sees whether all is well",
  read: "read: downloads every file",
  run: "run: starts jobs, restores",
  admin: "admin: everything",
  objects: "objects: stores vaults here",
};
const EXPIRIES: readonly (readonly [string, string])[] = [
  ["365", "for a year"],
  ["90", "for 90 days"],
  ["7", "for a week"],
  ["", "until it is revoked"],
];

function accountsPage(exchange: Exchange, secret?: { readonly name: string; readonly token: string }): Reply {
  const isOpen = !needsPassword(exchange), users = exchange.site.accounts.file.users();
  const body = markup`${
    secret !== undefined && markup`<div class="card" role="status"><p>The token <strong>${secret.name}</strong>, which
can't be shown again:</p><pre tabindex="0">${secret.token}</pre></div>`
  }${isOpen ? undefined : confirmForm("/accounts", "To change accounts, give your password again.")}
${userTable(users, isOpen)}
<h2>Tokens</h2>${tokenTable(exchange, users, isOpen)}
${isOpen && markup`${userForm()}${tokenForm(users)}`}`;
  return page(exchange, { title: "Accounts", part: "/accounts", body });
}

/** The form for entering the password again. @param to where it leads afterwards */
export function confirmForm(to: string, why: string): Html {
  return markup`<form class="card narrow" method="post" action="/confirm"><p>${why}</p>
<input type="hidden" name="to" value="${to}"><label for="confirm">Your password</label>
<input id="confirm" name="password" type="password" autocomplete="current-password" required>
<p class="actions"><button class="main">Go on</button></p></form>`;
}

/** Pages that ask for the password again. */
const CONFIRMED = ["/accounts", "/notifications"] as const;

async function confirm(exchange: Exchange): Promise<Reply> {
  const form = await readForm(exchange), to = CONFIRMED.find((path) => path === form.get("to")) ?? "/";
  await assertConfirmed(exchange, form.get("password"));
  return redirect(to);
}

function userTable(users: readonly User[], isOpen: boolean): Html {
  const rows = users.map(({ name, role, series, quotaBytes, password }) => [
    name,
    role,
    role === "objects"
      ? quotaBytes === undefined ? "" : `at most ${sizeText(quotaBytes)}`
      : series?.join(", ") ?? "all",
    password === undefined ? "none" : "set",
    isOpen ? act("remove", { user: name }, "Remove", `Remove ${name}?`) : "",
  ]);
  const columns = [{ name: "Name" }, { name: "Role" }, { name: "Series" }, { name: "Password" }, {
    name: "Do",
    right: true,
  }];
  return table("Accounts", columns, rows);
}

function tokenTable(exchange: Exchange, users: readonly User[], isOpen: boolean): Html {
  const rows = users.flatMap(({ name: user, tokens }) =>
    tokens.map(({ name, role, created, expires, hash }) => [
      name,
      user,
      role,
      ago(exchange, created),
      used(exchange, hash),
      expires === undefined ? "never" : ago(exchange, expires),
      isOpen ? act("revoke", { user, token: name }, "Revoke", `Revoke the token ${name}?`) : "",
    ])
  );
  if (rows.length === 0) return markup`<p>There are none. Programs use tokens instead of passwords.</p>`;
  const columns = [{ name: "Token" }, { name: "Account" }, { name: "Role" }, { name: "Made" }, { name: "Last used" }, {
    name: "Ends",
  }, {
    name: "Do",
    right: true,
  }];
  return table("Tokens", columns, rows);
}

function used(exchange: Exchange, hash: string) {
  const last = exchange.site.accounts.tokenUses.last(hash);
  return last === undefined ? "never" : ago(exchange, last);
}

function act(what: string, fields: Readonly<Record<string, string>>, text: string, sure: string): Html {
  return markup`<form method="post" action="/accounts" data-sure="${sure}">${
    Object.entries(fields).map(([name, value]) => markup`<input type="hidden" name="${name}" value="${value}">`)
  }<button name="do" value="${what}" aria-label="${text} ${Object.values(fields).join(" ")}">${text}</button></form>`;
}

function userForm(): Html {
  return markup`<h2>Add or change an account</h2><form class="card form" method="post" action="/accounts">
<label for="user">Name</label><input id="user" name="user" required maxlength="64" autocomplete="username">
<label for="role">May</label><select id="role" name="role">${
    options(ROLE_NAMES.map((role) => [role, ROLE_TEXTS[role]]), "read")
  }</select>
<label for="series">Only these series, separated by commas; empty: all</label>
<input id="series" name="series" maxlength="4000" autocomplete="off" placeholder="photos, nas2:*">
<label for="password">Password; empty: as it was</label>
<input id="password" name="password" type="password" autocomplete="new-password">
<p class="soft">Whoever reads sees every file of these series, whatever its permissions.</p>
<p class="actions"><button class="main" name="do" value="put">Save</button></p></form>`;
}

function tokenForm(users: readonly User[]): Html {
  return markup`<h2>Make a token</h2><form class="card form" method="post" action="/accounts">
<label for="owner">Of the account</label><select id="owner" name="user">${
    options(users.map(({ name }) => [name, name]), "")
  }</select>
<label for="token">For which program</label><input id="token" name="token" required maxlength="64" autocomplete="off">
<label for="as">May</label><select id="as" name="role">${
    options(ROLE_NAMES.map((role) => [role, ROLE_TEXTS[role]]), "watch")
  }</select>
<label for="days">Good</label><select id="days" name="days">${options(EXPIRIES, "365")}</select>
<p class="actions"><button class="main" name="do" value="token">Make it</button></p></form>`;
}

async function takeForm(exchange: Exchange): Promise<Reply> {
  const form = await readForm(exchange), user = form.get("user") ?? "", token = form.get("token") ?? "";
  switch (form.get("do")) {
    case "put":
      await putUser(exchange, user, changeIn(form));
      break;
    case "remove":
      await dropUser(exchange, user);
      break;
    case "revoke":
      await dropToken(exchange, user, token);
      break;
    case "token": {
      const days = form.get("days") ?? "", expiry = days === "" ? {} : { expiresDays: Number(days) };
      const secret = await addToken(exchange, user, readToken({ name: token, role: form.get("role"), ...expiry }));
      return accountsPage(exchange, { name: token, token: secret });
    }
  }
  return redirect("/accounts");
}

function changeIn(form: Query) {
  const series = (form.get("series") ?? "").split(",").map((one) => one.trim()).filter((one) => one !== "");
  const password = form.get("password") ?? "";
  return readChange({
    role: form.get("role"),
    series: series.length === 0 ? null : series,
    ...(password !== "" && { password }),
  });
}
