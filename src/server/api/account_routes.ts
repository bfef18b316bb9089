/**
 * Accounts and tokens for programs. Secrets are accepted, but never returned; a token is shown once, when it is
 * created.
 */
import * as z from "zod";
import { jsonReply } from "./json.ts";
import { jsonBody } from "./json_body.ts";
import { named } from "./schemas/named.ts";
import { aboutCount, countOf } from "./parameters.ts";
import { ACTIVITY, NEW_TOKEN, USER, USERS } from "./schemas/people.ts";
import type { Act } from "../exchange/activity.ts";
import { assertConfirmed } from "../exchange/confirmed.ts";
import { BadRequest } from "../exchange/problem.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { tell } from "../exchange/tell.ts";
import {
  changeUser,
  makeToken,
  removeUser,
  revokeToken,
  type TokenWish,
  type UserChange,
} from "../accounts/managing.ts";
import { ROLE_NAMES, type User } from "../accounts/user_file.ts";
import { defined } from "../../core/defined.ts";
import { textOf } from "../../core/raw.ts";

const DAY_MS = 24 * 60 * 60 * 1000, MOST_DAYS = 3660;
const USUAL_ACTS = 100, MOST_ACTS = 1000;
const NAME = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, "Expected letters, digits and . _ @ -");
const ROLE = z.enum(ROLE_NAMES), BYTES = z.int().min(0);
const CHANGE = named(
  "UserChange",
  z.strictObject({
    role: ROLE.optional(),
    series: z.array(z.string().min(1).max(512)).min(1).max(256).nullable().optional(),
    password: z.string().max(1024).optional(),
    appendOnly: z.boolean().optional(),
    quotaBytes: BYTES.nullable().optional(),
  }),
);
const TOKEN = named(
  "TokenWish",
  z.strictObject({
    name: NAME,
    role: ROLE.optional(),
    expiresDays: z.number().positive().max(MOST_DAYS).optional(),
    appendOnly: z.boolean().optional(),
    quotaBytes: BYTES.optional(),
  }),
);

export const ACCOUNT_ROUTES: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/api/v1/users",
    access: "admin",
    about: { summary: "Accounts with their tokens; no secrets", replies: { 200: USERS } },
    handle: async (exchange) => {
      await assertConfirmed(exchange);
      return jsonReply(exchange.site.accounts.file.users().map((user) => userJson(exchange, user)));
    },
  },
  {
    methods: ["PUT"],
    path: "/api/v1/users/{user}",
    access: "admin",
    about: {
      summary:
        'Adds an account, or changes what is given of it: {"role": "read", "series": ["photos"], "password": ...}',
      body: CHANGE,
      replies: { 200: USER },
    },
    handle: async (exchange) => {
      const name = nameIn(exchange, "user"), change = readChange(await jsonBody(exchange));
      return jsonReply(userJson(exchange, await putUser(exchange, name, change)));
    },
  },
  {
    methods: ["DELETE"],
    path: "/api/v1/users/{user}",
    access: "admin",
    about: { summary: "Removes an account, with its sessions and tokens", replies: { 204: null } },
    handle: (exchange) => done(exchange, (asking) => dropUser(asking, nameIn(asking, "user"))),
  },
  {
    methods: ["POST"],
    path: "/api/v1/users/{user}/tokens",
    access: "admin",
    about: {
      summary: 'Creates a token, shown only once: {"name": "prometheus", "role": "watch", "expiresDays": 365}',
      body: TOKEN,
      replies: { 201: NEW_TOKEN },
    },
    handle: async (exchange) => {
      const user = nameIn(exchange, "user"), wish = readToken(await jsonBody(exchange));
      return jsonReply({ name: wish.name, token: await addToken(exchange, user, wish) }, 201);
    },
  },
  {
    methods: ["DELETE"],
    path: "/api/v1/users/{user}/tokens/{token}",
    access: "admin",
    about: { summary: "Revokes a token", replies: { 204: null } },
    handle: (exchange) =>
      done(exchange, (asking) => dropToken(asking, nameIn(asking, "user"), nameIn(asking, "token"))),
  },
  {
    methods: ["GET"],
    path: "/api/v1/activity",
    access: "admin",
    about: {
      summary: "What accounts have done, newest first: who, when, and from where",
      query: { limit: aboutCount("so many at most", MOST_ACTS) },
      replies: { 200: ACTIVITY },
    },
    handle: (exchange) => jsonReply(activityOf(exchange, USUAL_ACTS)),
  },
];

/** What accounts have done, newest first. */
export function activityOf({ site, target }: Exchange, usual: number): readonly Act[] {
  return site.activity.last(countOf(target.query, "limit", usual, MOST_ACTS));
}

export async function putUser(exchange: Exchange, name: string, change: UserChange): Promise<User> {
  await assertConfirmed(exchange);
  const { site } = exchange, user = await changeUser(site.accounts.file, name, change, site);
  tell(exchange, `changed the account ${name}: ${user.role}${change.password === undefined ? "" : ", password"}`);
  return user;
}

export async function dropUser(exchange: Exchange, name: string): Promise<void> {
  await assertConfirmed(exchange);
  removeUser(exchange.site.accounts.file, name, exchange.site);
  tell(exchange, `removed the account ${name}`);
}

export async function addToken(exchange: Exchange, user: string, wish: TokenWish): Promise<string> {
  await assertConfirmed(exchange);
  const token = makeToken(exchange.site.accounts.file, user, wish, exchange.site);
  tell(exchange, `made the token ${wish.name} of ${user}`);
  return token;
}

export async function dropToken(exchange: Exchange, user: string, name: string): Promise<void> {
  await assertConfirmed(exchange);
  revokeToken(exchange.site.accounts.file, user, name, exchange.site);
  tell(exchange, `revoked the token ${name} of ${user}`);
}

/** Validates a change of an account. @throws BadRequest */
export function readChange(value: unknown): UserChange {
  return defined<UserChange>(parsed(CHANGE, value));
}

/** Validates a request for a token. @throws BadRequest */
export function readToken(value: unknown): TokenWish {
  const { expiresDays, ...rest } = parsed(TOKEN, value);
  return defined<TokenWish>({ ...rest, expiresMs: expiresDays === undefined ? undefined : expiresDays * DAY_MS });
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const { data, error } = schema.safeParse(value);
  if (data === undefined) throw new BadRequest(z.prettifyError(error!).split("\n")[0] ?? "");
  return data;
}

async function done(exchange: Exchange, act: (exchange: Exchange) => Promise<void>): Promise<Reply> {
  await act(exchange);
  return { status: 204 };
}

function nameIn({ params }: Exchange, name: string): string {
  return textOf(params[name] ?? "");
}

function userJson(
  { site: { accounts } }: Exchange,
  { name, role, series, password, tokens, appendOnly, quotaBytes }: User,
) {
  return {
    name,
    role,
    series: series ?? null,
    hasPassword: password !== undefined,
    appendOnly: appendOnly ?? false,
    quotaBytes: quotaBytes ?? null,
    tokens: tokens.map(({ hash, ...token }) => ({ ...token, lastUsed: accounts.tokenUses.last(hash) })),
  };
}
