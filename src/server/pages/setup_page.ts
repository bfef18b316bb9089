/** The page that makes the first account: for whoever can read the token on the machine of the server. */
import { type Html, markup } from "./markup.ts";
import { page, redirect } from "./page.ts";
import { signedIn } from "./sign_in.ts";
import { readForm } from "../exchange/form.ts";
import { isPrivate } from "../exchange/private.ts";
import { NotAllowed } from "../exchange/problem.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { tellOf } from "../exchange/tell.ts";
import { AlreadySetUp, SETUP_MINUTES, SetupEnded, WrongSetupToken } from "../accounts/setup.ts";
import { SHORTEST_PASSWORD } from "../accounts/passwords.ts";
import { Fault } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";

const MOST_FORM = 16 * 1024;

export const SETUP_ROUTES: readonly Route[] = [
  { methods: ["GET"], path: "/setup", access: "open", handle: firstForm },
  { methods: ["POST"], path: "/setup", access: "open", mostBytes: MOST_FORM, handle: takeForm },
];

/** Nobody on the way may read the token, or the password. @throws NotAllowed */
function assertPrivate(exchange: Exchange): void {
  if (isPrivate(exchange)) return;
  throw new NotAllowed(
    "The first account can't be made over this connection: others could read its password",
    "Open the page on the machine of the server, or over TLS; or use `backup-tool account add NAME --role admin`",
  );
}

function firstForm(exchange: Exchange): Reply {
  const { setup, file } = exchange.site.accounts;
  if (!file.isMissing()) return redirect("/sign-in");
  assertPrivate(exchange);
  if (!setup.isOpen) throw new SetupEnded();
  return formPage(exchange, "");
}

async function takeForm(exchange: Exchange): Promise<Reply> {
  assertPrivate(exchange);
  const form = await readForm(exchange), { site, address } = exchange, name = (form.get("name") ?? "").trim();
  const password = form.get("password") ?? "", where = address || "socket";
  try {
    if (password !== (form.get("again") ?? "")) return formPage(exchange, name, TWO_PASSWORDS);
    await site.accounts.setup.finish({ token: form.get("token") ?? "", name, password, address });
  } catch (error) {
    if (error instanceof WrongSetupToken) {
      site.log({ level: "warning", event: "setup-failed", message: `${where}: wrong token`, fields: { address } });
    }
    if (!(error instanceof Fault) || error instanceof SetupEnded || error instanceof AlreadySetUp) throw error;
    if (error.code === "too-many" || error.code === "busy") throw error;
    return formPage(exchange, name, error);
  }
  tellOf(site, { user: name, address, act: "made the first account" });
  return await signedIn(exchange, { name, password, isLong: false }, "/") ?? redirect("/sign-in");
}

interface Wrong {
  readonly message: string;
  readonly hint: string;
}

const TWO_PASSWORDS: Wrong = { message: "The two passwords are not the same", hint: "Type them again" };

function formPage(exchange: Exchange, name: string, wrong?: Wrong): Reply {
  const { site } = exchange, path = textOf(site.accounts.setup.path);
  const body = markup`<p>Nobody can sign in yet. Make the account of the first admin, within ${SETUP_MINUTES} minutes of
the start of the server.</p>${wrong !== undefined && alert(wrong)}
<form class="narrow" method="post" action="/setup" autocomplete="off">
<label for="token">Token</label>
<input id="token" name="token" required autofocus spellcheck="false" maxlength="200" aria-describedby="token-help">
<p class="soft help" id="token-help">The server printed it when it was started; it is in <code>${path}</code>, too.</p>
<label for="name">Name</label>
<input id="name" name="name" value="${name}" required maxlength="64" autocomplete="username">
<label for="password">Password, at least ${SHORTEST_PASSWORD} characters</label>
<input id="password" name="password" type="password" required minlength="${SHORTEST_PASSWORD}"
autocomplete="new-password">
<label for="again">The password again</label>
<input id="again" name="again" type="password" required autocomplete="new-password">
<p class="actions"><button class="main">Make the account</button></p></form>`;
  return page({ site, account: undefined }, { title: "First account", status: wrong === undefined ? 200 : 403, body });
}

function alert({ message, hint }: Wrong): Html {
  return markup`<div class="alert" role="alert"><p><strong class="bad">${message}</strong></p>
<p class="soft">${hint}</p></div>`;
}
