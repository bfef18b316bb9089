import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { hasRule, parseAmount, parsePolicy, parseSpan, policyText, tagList } from "../../src/core/policy.ts";

Deno.test("parseAmount() reads whole numbers and unlimited, as restic writes them", () => {
  deepStrictEqual(["0", "7", "1000000", "unlimited", "-1"].map(parseAmount), [0, 7, 1000000, "unlimited", "unlimited"]);
  for (const text of ["", "-2", "1.5", "ten", "1e3", " 1", "1000001"]) {
    throws(() => parseAmount(text), { code: "bad-usage" }, text);
  }
});

Deno.test("parseSpan() reads years, months, days and hours, in that order", () => {
  deepStrictEqual(parseSpan("2y5m7d3h"), { years: 2, months: 5, days: 7, hours: 3 });
  deepStrictEqual(parseSpan("30d"), { years: 0, months: 0, days: 30, hours: 0 });
  for (const text of ["", "30", "d", "3h2d", "1w", "-1d", "1y 2m", "999999d"]) {
    throws(() => parseSpan(text), { code: "bad-usage" }, text);
  }
});

Deno.test("parsePolicy() takes every rule, and names the one that is wrong", () => {
  const policy = {
    last: 3,
    hourly: 0,
    daily: 7,
    weekly: 5,
    monthly: 12,
    quarterly: 4,
    halfYearly: 2,
    yearly: "unlimited",
    within: "30d",
    withinHalfYearly: "5y",
    tag: ["a", "b,c"],
    free: "50G",
  };
  strictEqual(parsePolicy(policy), policy);
  for (
    const [wrong, named] of [
      [{ keepDayly: 7 }, "keepDayly"],
      [{ daily: "7" }, "daily"],
      [{ daily: -1 }, "daily"],
      [{ daily: 1.5 }, "daily"],
      [{ daily: null }, "daily"],
      [{ within: 30 }, "within"],
      [{ within: "30" }, "30"],
      [{ free: "much" }, "much"],
      [{ free: -1 }, "free"],
      [{ free: 0 }, "keeps nothing"],
      [{ withinDaily: 7 }, "withinDaily"],
      [{ withinDays: "7d" }, "withinDays"],
      [{ withinDaily: "0d" }, "keeps nothing"],
      [{ tag: "a" }, "tag"],
      [{ tag: [""] }, "tag"],
      [{}, "keeps nothing"],
      [{ last: 0, tag: [] }, "keeps nothing"],
      [{ within: "0d" }, "keeps nothing"],
      [[], "no object"],
      [null, "no object"],
      ["--keep-last 3", "no object"],
    ] as const
  ) {
    throws(() => parsePolicy(wrong), (error: Error) => error.message.includes(named), JSON.stringify(wrong));
  }
});

Deno.test("policyText() gives the options that mean the policy", () => {
  strictEqual(
    policyText({
      last: 3,
      halfYearly: 2,
      yearly: "unlimited",
      within: "1y",
      withinDaily: "9d",
      tag: ["a", "b,c"],
      free: "1T",
    }),
    "--keep-last 3 --keep-half-yearly 2 --keep-yearly unlimited --keep-within 1y --keep-within-daily 9d --keep-tag a --keep-tag b,c --keep-free 1T",
  );
});

Deno.test("hasRule() is false for amounts and spans of 0 alone", () => {
  const nothing = [{}, { last: 0 }, { tag: [] }, { within: "0d" }, { last: 0, within: "0y0m0d0h" }];
  deepStrictEqual(nothing.map(hasRule), nothing.map(() => false));
  const rules = [{ daily: 1 }, { tag: ["a"] }, { within: "1h" }, { within: "0d1h" }, { last: 1, within: "0d" }];
  deepStrictEqual(rules.map(hasRule), rules.map(() => true));
});

Deno.test("tagList() splits at commas and drops what is empty", () => {
  deepStrictEqual(tagList("a, b,,c"), ["a", "b", "c"]);
});
