/** Messages between the main thread and a reading thread. */
import type { Ask, Stream } from "./reader.ts";
import type { FaultData } from "../../core/fault_data.ts";
import type { Raw } from "../../core/raw.ts";
import type { NamedVault, VaultSettings } from "../../operations/vaults/vault_settings.ts";

/** Name of the worker thread, by which the program recognises its task. */
export const READ_THREAD = "server-reader";

/** The repository, and what opens it. */
export interface ReaderSetup {
  readonly location: string;
  readonly settings: VaultSettings;
  readonly host: string;
  /** Vaults that can be looked into, by name. */
  readonly vaults: Readonly<Record<string, NamedVault>>;
  /** Directories in which this program keeps its state. */
  readonly state: readonly Raw[];
}

export type ToReader =
  | { readonly type: "setup"; readonly setup: ReaderSetup; readonly script: string }
  | { readonly type: "ask"; readonly id: number; readonly name: Ask; readonly args: readonly unknown[] }
  | { readonly type: "stream"; readonly id: number; readonly name: Stream; readonly args: readonly unknown[] }
  /** Requests one more part of a stream. */
  | { readonly type: "more"; readonly id: number }
  /** Cancels the rest of a stream. */
  | { readonly type: "drop"; readonly id: number }
  /** The last message: nothing is in progress. */
  | { readonly type: "close" };

export type FromReader =
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly type: "part"; readonly id: number; readonly part: Uint8Array<ArrayBuffer> }
  | { readonly type: "end"; readonly id: number }
  | { readonly type: "fault"; readonly id: number; readonly fault: FaultData }
  /** All is closed, and the thread may be ended. */
  | { readonly type: "closed" };
