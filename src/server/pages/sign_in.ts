/** Pages for signing in and out. */
import { markup } from "./markup.ts";
import { keptField, type KeptForm, keptPage } from "./kept_form.ts";
import { page, redirect } from "./page.ts";
import { readForm } from "../exchange/form.ts";
import { cookieName } from "../front/front.ts";
import { isPrivate } from "../exchange/private.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { tellOf } from "../exchange/tell.ts";

/** With a form that was sent in vain before. */
const MOST_FORM = 1024 * 1024;

export const SIGN_IN_ROUTES: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/sign-in",
    access: "open",
    handle: (exchange) => form(exchange, exchange.target.query.get("to")),
  },
  { methods: ["POST"], path: "/session", access: "open", mostBytes: MOST_FORM, handle: signIn },
  { methods: ["POST"], path: "/sign-out", access: "watch", mostBytes: MOST_FORM, handle: signOut },
];

/** Asks whoever was signed out to sign in again, and keeps what they have sent. */
export function signInAgain(exchange: Pick<Exchange, "site" | "isTls" | "address">, kept: KeptForm): Reply {
  return { ...form(exchange, kept.to, { kept, wrong: "You were signed out meanwhile" }), status: 401 };
}

interface Before {
  readonly wrong?: string | undefined;
  readonly kept?: KeptForm | undefined;
}

type Asking = Pick<Exchange, "site" | "isTls" | "address">;

function form(exchange: Asking, to: string | undefined, { wrong, kept }: Before = {}): Reply {
  const { site } = exchange, isOpen = !isPrivate(exchange);
  const hasUsers = site.accounts.file.users().length > 0;
  const body = hasUsers
    ? markup`
      ${isOpen && markup`<p class="warn">This connection is not private: whoever listens gets your password.</p>`}
      ${wrong !== undefined && markup`<p class="bad" role="alert">${wrong}</p>`}
      <form class="narrow" method="post" action="/session">
      <input type="hidden" name="to" value="${to ?? "/"}">${kept && keptField(kept)}
      <label for="name">Name</label><input id="name" name="name" autocomplete="username" required autofocus>
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required>
      <p><label class="inline"><input type="checkbox" name="long" value="1"> Stay signed in for 30 days (accounts that only
      look)</label></p>
      <p class="actions"><button class="main">Sign in</button></p>
      </form>
      <p
        class="soft">Forgotten? Whoever runs this server can set a new one: <code>backup-tool account password NAME</code></p>
    `
    : markup`<p>There are no accounts yet. ${
      site.accounts.setup.isOpen && !isOpen &&
      markup`<a href="/setup">Make the first one here</a>, with the token that the server printed; or, `
    }Make the first one where this server runs:</p>
<pre>backup-tool account add NAME --role admin</pre>
<p>Give it the same <code>--jobs</code> as the server, if that has it; then load this page again.</p>`;
  return page({ site, account: undefined }, { title: "Sign in", status: wrong === undefined ? 200 : 403, body });
}

async function signIn(exchange: Exchange): Promise<Reply> {
  const given = await readForm(exchange);
  const name = given.get("name") ?? "", password = given.get("password") ?? "", to = given.get("to") ?? "/";
  const fields = given.get("kept") ?? "", kept = fields !== "" && isOwn(to) ? { to, fields } : undefined;
  const reply = await signedIn(exchange, { name, password, isLong: given.get("long") === "1" }, isOwn(to) ? to : "/");
  if (reply === undefined) return form(exchange, to, { wrong: "Name or password is wrong", kept });
  return kept === undefined ? reply : keptPage(exchange, kept, { "set-cookie": reply.headers?.["set-cookie"] ?? "" });
}

interface Given {
  readonly name: string;
  readonly password: string;
  /** True to stay signed in, if the role allows it. */
  readonly isLong: boolean;
}

/** Starts a session, and leads to a page. @returns undefined for a wrong name or password @throws TooManyFailures, Busy */
export async function signedIn(exchange: Exchange, given: Given, to: string): Promise<Reply | undefined> {
  const { site, address } = exchange;
  const session = await site.accounts.signIn(given.name, given.password, address, given.isLong);
  if (session === undefined) return undefined;
  tellOf(site, { user: given.name, address, act: "signed in" });
  // Nobody has use for the one before.
  if (exchange.session !== undefined) site.accounts.signOut(exchange.session);
  return redirect(to, { "set-cookie": cookie(exchange, session.id, session.seconds) });
}

function signOut(exchange: Exchange): Reply {
  if (exchange.session !== undefined) exchange.site.accounts.signOut(exchange.session);
  return redirect("/sign-in", { "set-cookie": cookie(exchange, "", 0), "clear-site-data": '"cache"' });
}

function cookie(exchange: Exchange, id: string, seconds: number): string {
  const secure = exchange.isTls ? "; Secure" : "";
  return `${cookieName(exchange)}=${id}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}

/** True for a path of this server that no browser takes for another address. */
function isOwn(to: string): boolean {
  return /^\/(?![/\\])[!-~]*$/.test(to);
}
