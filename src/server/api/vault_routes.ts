/** The vaults in the configuration: what they lack, and how far they are verified. */
import { jsonReply } from "./json.ts";
import { VAULT, VAULTS } from "./schemas/stored.ts";
import { NotAllowed, NotFound } from "../exchange/problem.ts";
import type { Exchange, Route } from "../exchange/route.ts";
import type { VaultLook } from "../vaults/vault_desk.ts";
import { textOf } from "../../core/raw.ts";
import { parseJob } from "../../jobs/schema/job_file.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";

export const VAULT_ROUTES: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/api/v1/vaults",
    access: "read",
    about: {
      summary: "The vaults that the configuration names, with the last copy to each; none is looked into",
      replies: { 200: VAULTS },
    },
    handle: async (exchange) => {
      const vaults = await vaultsOf(exchange), isAdmin = exchange.account?.role === "admin";
      return jsonReply(vaults.map(({ name, location, lastCopy, look }) => ({
        name,
        ...(isAdmin && { location }),
        lastCopy: lastCopy === undefined ? null : { outcome: lastCopy.outcome, end: lastCopy.end },
        lookedAt: look === undefined ? null : new Date(look.atMs).toISOString(),
      })));
    },
  },
  {
    methods: ["GET"],
    path: "/api/v1/vaults/{vault}",
    access: "read",
    about: {
      summary:
        "What a vault has and lacks, how it grew, and how long ago it was checked; looks into it if nobody did " +
        "in the last ten minutes",
      replies: { 200: VAULT },
    },
    handle: async (exchange) => {
      const { name, look } = await lookInto(exchange);
      const lookedAt = new Date(look.atMs).toISOString();
      if ("status" in look) return jsonReply({ name, lookedAt, ...look.status, fault: null });
      return jsonReply({ name, lookedAt, fault: faultFor(exchange, look) });
    },
  },
];

export interface Vault {
  readonly name: string;
  readonly location: string;
  /** The last run of a job that copies to the vault. */
  readonly lastCopy: HistoryEntry | undefined;
  readonly look: VaultLook | undefined;
}

const RUNS_LOOKED_AT = 500;

/** All vaults in the order of the configuration. @throws NotAllowed */
export async function vaultsOf(exchange: Pick<Exchange, "account" | "site">): Promise<readonly Vault[]> {
  assertWhole(exchange);
  const { vaults, reader } = exchange.site;
  if (vaults === undefined || vaults.places.size === 0) return [];
  const copies = (await reader.jobHistory(RUNS_LOOKED_AT)).filter(({ kind }) => kind === "copy");
  return [...vaults.places].map(([name, location]) => {
    const lastCopy = copies.findLast((run) => isTo(run, name, location));
    return { name, location, lastCopy, look: vaults.known(name) };
  });
}

/** Looks into the vault that a request names. @throws NotAllowed, NotFound */
export async function lookInto(exchange: Exchange): Promise<Vault & { readonly look: VaultLook }> {
  const name = textOf(exchange.params.vault ?? "");
  const vault = (await vaultsOf(exchange)).find((one) => one.name === name),
    look = await exchange.site.vaults?.look(name);
  if (vault === undefined || look === undefined) throw new NotFound("There is no such vault in the configuration");
  return { ...vault, look };
}

/** A fault as the account may see it: its message may contain places and key files. */
export function faultFor(
  { account }: Pick<Exchange, "account">,
  look: Extract<VaultLook, { readonly fault: unknown }>,
) {
  const { code, message, hint } = look.fault;
  if (account?.role === "admin" && code !== "bug") return { code, message, hint };
  return { code, message: "It could not be looked into", hint: "An admin sees why" };
}

function assertWhole({ account }: Pick<Exchange, "account">): void {
  if (account?.series !== undefined) throw new NotAllowed("This account is for some series only");
}

function isTo({ text }: HistoryEntry, name: string, location: string): boolean {
  const { job } = parseJob(text ?? "");
  return job?.kind === "copy" && (job.to === name || job.to === location);
}
