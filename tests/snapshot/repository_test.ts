import { catalogContract } from "../contract/catalog_history.ts";
import { operationsContract } from "../contract/operations_contract.ts";
import { repositoryContract } from "../contract/repository_contract.ts";
import { MEMORY, storageKind } from "../contract/repository_place.ts";
import { sinkContract } from "../contract/sink_contract.ts";
import { vaultKind } from "../contract/vault_repository_place.ts";
import { KINDS as VAULTS } from "../support/vault_place.ts";
import { picked, rounds } from "../support/effort.ts";

/** Histories tried with each engine; SLOW=1 tries many more. */
const HISTORIES = rounds(12, 100);

const STORAGE = storageKind({ algorithm: "sha256", workers: 0 });
const KINDS = [
  MEMORY,
  STORAGE,
  storageKind({ algorithm: "sha256", workers: 2 }),
  storageKind({ algorithm: "md5", workers: 0 }),
  storageKind({ algorithm: "md5", workers: 2 }),
];
const VAULT_KINDS = [
  ...VAULTS.map((kind) => vaultKind(kind, { workers: kind.where === "memory" ? 0 : 2, copies: false })),
  vaultKind(VAULTS[0], { workers: 0, copies: true }),
];
/** Backups go straight there. */
const SINKS = VAULT_KINDS.filter(({ traits }) => traits.backsUp);
for (const kind of picked([...KINDS, ...VAULT_KINDS])) repositoryContract(kind);
for (const kind of picked([...KINDS, ...SINKS], 1)) sinkContract(kind);
for (const kind of picked([...KINDS, ...VAULT_KINDS], 2)) operationsContract(kind);
for (const kind of [MEMORY, STORAGE, VAULT_KINDS[0]!]) catalogContract(kind, HISTORIES);
