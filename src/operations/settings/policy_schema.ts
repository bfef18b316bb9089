/** Schema of the rules of `forget` in files. core/policy.ts defines amounts and spans. */
import * as z from "zod";
import { unlessFault } from "../../core/fault.ts";
import { hasRule, parseSpan, tagList } from "../../core/policy.ts";
import { SIZE_SCHEMA } from "./backup_schema.ts";
import { readableBy } from "./readable.ts";

const MOST_KEPT = 1_000_000;

/** Produces a `Policy` of core/policy.ts. */
export const POLICY_SCHEMA = z.strictObject({
  last: amount("The newest N, or `unlimited`"),
  minutely: amount("The newest of each of N minutes"),
  hourly: amount("The newest of each of N hours"),
  daily: amount("The newest of each of N days"),
  weekly: amount("The newest of each of N weeks"),
  monthly: amount("The newest of each of N months"),
  quarterly: amount("The newest of each of N quarters"),
  halfYearly: amount("The newest of each of N half-years"),
  yearly: amount("The newest of each of N years"),
  within: span("All from that span before the newest one on, such as 30d or 1y6m"),
  withinMinutely: span("The newest of each minute of that span"),
  withinHourly: span("The newest of each hour of that span"),
  withinDaily: span("The newest of each day of that span"),
  withinWeekly: span("The newest of each week of that span"),
  withinMonthly: span("The newest of each month of that span"),
  withinQuarterly: span("The newest of each quarter of that span"),
  withinHalfYearly: span("The newest of each half-year of that span"),
  withinYearly: span("The newest of each year of that span"),
  tag: z.array(z.string().refine((text) => tagList(text).length > 0, "Expected a tag"))
    .describe("All with one of these tags; `a,b`: with both").exactOptional(),
  free: SIZE_SCHEMA.describe("So much space is to be free: the oldest go for it, such as 50G").exactOptional(),
}).refine((policy) => unlessFault(() => hasRule(policy), true), "Expected a rule that keeps something");

function amount(description: string) {
  return z.union([z.int().min(0).max(MOST_KEPT), z.literal("unlimited")]).describe(description).exactOptional();
}

function span(description: string) {
  return z.string().refine(readableBy(parseSpan), "Expected a span, such as 30d or 1y6m").describe(description)
    .exactOptional();
}
