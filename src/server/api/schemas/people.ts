/** Shapes of replies: accounts and notifications. */
import * as z from "zod";
import { named } from "./named.ts";
import { TIME } from "./stored.ts";
import { ROLE_NAMES } from "../../accounts/user_file.ts";
import { EVENTS } from "../../../notify/notice.ts";

const COUNT = z.int().min(0), TEXT = z.string(), ROLE = z.enum(ROLE_NAMES);

export const USER = named(
  "User",
  z.object({
    name: TEXT,
    role: ROLE,
    series: z.array(TEXT).nullable().describe("Null: all"),
    hasPassword: z.boolean(),
    appendOnly: z.boolean(),
    quotaBytes: COUNT.nullable(),
    tokens: z.array(z.object({
      name: TEXT,
      role: ROLE,
      created: TEXT,
      expires: TEXT.optional(),
      lastUsed: TIME.optional().describe("About an hour exact; absent: never"),
      appendOnly: z.boolean().optional(),
      quotaBytes: COUNT.optional(),
    })),
  }),
);
export const USERS = named("Users", z.array(USER));
export const ACTIVITY = named(
  "Activity",
  z.array(z.object({
    at: TIME,
    user: TEXT,
    token: TEXT.optional().describe("Its name, if one was used"),
    address: TEXT.describe("Empty: a Unix socket"),
    act: TEXT,
  })),
);
export const NEW_TOKEN = named("NewToken", z.object({ name: TEXT, token: TEXT.describe("Shown only now") }));

export const TARGET = named(
  "NotificationTarget",
  z.object({
    name: TEXT,
    origin: z.enum(["configuration", "page"]),
    type: z.enum(["ntfy", "healthchecks", "webhook", "gotify", "mailto"]).nullable(),
    server: TEXT.nullable(),
    on: z.array(z.enum(EVENTS)),
    detail: z.boolean(),
    problem: TEXT.nullable(),
    last: z.object({ at: TIME, event: TEXT, subject: TEXT, outcome: TEXT, accepted: z.boolean() }).nullable(),
  }),
);
export const MAIL_SERVER_INFO = named(
  "MailServer",
  z.object({
    host: TEXT,
    port: z.int().optional(),
    tls: z.enum(["tls", "starttls", "none"]).optional(),
    user: TEXT.optional(),
    from: TEXT,
    origin: z.enum(["configuration", "page"]),
  }).nullable(),
);
export const NOTIFICATIONS = named(
  "Notifications",
  z.object({
    targets: z.array(TARGET),
    mailServer: MAIL_SERVER_INFO,
    waiting: z.array(z.object({
      event: z.enum(EVENTS),
      at: TIME,
      subject: TEXT,
      kind: TEXT.nullable(),
      targets: z.array(z.object({ name: TEXT, tries: COUNT, next: TIME.nullable() })),
    })),
  }),
);
export const TESTED = named(
  "TestedTarget",
  z.object({ target: TEXT, outcome: TEXT.describe("In words"), accepted: z.boolean() }),
);
