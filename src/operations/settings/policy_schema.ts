/** The rules of `forget` as a person writes them into a file. What amounts and spans mean stands in core/policy.ts. */
import * as z from "zod";
import { unlessFault } from "../../core/fault.ts";
import { hasRule, parseSpan, tagList } from "../../core/policy.ts";
import { readableBy } from "./readable.ts";

const MOST_KEPT = 1_000_000;

/** Its output is a `Policy` of core/policy.ts. */
export const POLICY_SCHEMA = z.strictObject({
  last: amount("The newest N, or `unlimited`"),
  hourly: amount("The newest of each of N hours"),
  daily: amount("The newest of each of N days"),
  weekly: amount("The newest of each of N weeks"),
  monthly: amount("The newest of each of N months"),
  yearly: amount("The newest of each of N years"),
  within: z.string().refine(readableBy(parseSpan), "Expected a span, such as 30d or 1y6m")
    .describe("All from that span before the newest one on, such as 30d or 1y6m").exactOptional(),
  tag: z.array(z.string().refine((text) => tagList(text).length > 0, "Expected a tag"))
    .describe("All with one of these tags; `a,b`: with both").exactOptional(),
}).refine((policy) => unlessFault(() => hasRule(policy), true), "Expected a rule that keeps something");

function amount(description: string) {
  return z.union([z.int().min(0).max(MOST_KEPT), z.literal("unlimited")]).describe(description).exactOptional();
}
