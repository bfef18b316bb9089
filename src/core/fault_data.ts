import { Fault, Interrupted } from "./fault.ts";

/** A failure that happened in a worker, or that is passed on to another reader. */
export class TransferredFault extends Fault {
  readonly code: string;
  readonly hint: string;
  constructor(told: FaultData) {
    super(told.message);
    this.code = told.code;
    this.hint = told.hint;
  }
}

/** A fault as plain data, to pass between threads. */
export interface FaultData {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Converts an error to plain data. @param error a Fault; anything else is a bug and is reported as one */
export function toFaultData(error: unknown): FaultData {
  if (error instanceof Fault) return { code: error.code, message: error.message, hint: error.hint };
  return { code: "bug", message: error instanceof Error ? error.stack ?? error.message : String(error), hint: "" };
}

export function fromFaultData(told: FaultData): Error {
  if (told.code === new Interrupted().code) return new Interrupted();
  return told.code === "bug" ? new Error(told.message) : new TransferredFault(told);
}
