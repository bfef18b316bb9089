/** What the main thread and a thread that reads say to each other. */
import type { Ask, Stream } from "./reader.ts";
import type { FaultData } from "../../core/fault_data.ts";
import type { Raw } from "../../core/raw.ts";
import type { NamedVault, VaultSettings } from "../../operations/vaults/vault_settings.ts";

/** Name of the worker, by which the program knows what it is started for. */
export const READ_THREAD = "server-reader";

/** Which repository, and what opens it. */
export interface ReaderSetup {
  readonly location: string;
  readonly settings: VaultSettings;
  readonly host: string;
  /** Those that can be looked into, by their names. */
  readonly vaults: Readonly<Record<string, NamedVault>>;
  /** Directories where this program keeps state of its own. */
  readonly state: readonly Raw[];
}

export type ToReader =
  | { readonly type: "setup"; readonly setup: ReaderSetup; readonly script: string }
  | { readonly type: "ask"; readonly id: number; readonly name: Ask; readonly args: readonly unknown[] }
  | { readonly type: "stream"; readonly id: number; readonly name: Stream; readonly args: readonly unknown[] }
  /** One more part is wanted of a stream. */
  | { readonly type: "more"; readonly id: number }
  /** Nobody wants the rest of it. */
  | { readonly type: "drop"; readonly id: number };

export type FromReader =
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly type: "part"; readonly id: number; readonly part: Uint8Array<ArrayBuffer> }
  | { readonly type: "end"; readonly id: number }
  | { readonly type: "fault"; readonly id: number; readonly fault: FaultData };
