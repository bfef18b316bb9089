/** Failures between this machine and the place of a vault. */
import { Fault } from "../core/fault.ts";

export class MissingObject extends Fault {
  readonly code = "missing-object";
  readonly hint = "If nobody is pruning the vault, look for what else is missing, with `backup-tool check`";
  constructor(key: string) {
    super(`Cannot read ${JSON.stringify(key)} of the vault: it is not there`);
  }
}

/** The name is taken by a different object, which is left alone. */
export class ObjectTaken extends Fault {
  readonly code = "object-taken";
  readonly hint = "Find out what else writes there: keep each vault in a place of its own";
  constructor(key: string, bytes: number, foundBytes: number) {
    super(`Cannot store ${JSON.stringify(key)}: an object of ${foundBytes} bytes has that name, not of ${bytes}`);
  }
}

export class ShortObject extends Fault {
  readonly code = "short-object";
  readonly hint = "It was cut: repair it from another copy, with `backup-tool repair --from`";
  constructor(key: string, endBytes: number, bytes: number) {
    super(`Cannot read ${JSON.stringify(key)} of the vault up to byte ${endBytes}: it has ${bytes}`);
  }
}

/** The hash of the bytes is not the object's name. */
export class WrongBytes extends Fault {
  readonly code = "wrong-bytes";
  readonly hint = "Repair it from another copy, with `backup-tool repair --from`, and look after the disk it lies on";
  constructor(key: string) {
    super(`Cannot use ${JSON.stringify(key)} of the vault: its bytes have changed since they were stored`);
  }
}

/** A temporary failure: a retry may succeed. */
export class PlaceUnavailable extends Fault {
  readonly code = "place-unavailable";
  readonly hint = "Check the network and the server; what was stored stays, and the same command goes on from there";
  /** The wait that the server asks for; undefined if it names none. */
  readonly retryAfterMs: number | undefined;
  constructor(what: string, why: string, options: { readonly retryAfterMs?: number } = {}) {
    super(`Cannot ${what}: ${why}`);
    this.retryAfterMs = options.retryAfterMs;
  }
}

const CHECK_CREDENTIALS = "Check the credentials, and what they allow there";

/** A permanent failure: something must be changed first. */
export class PlaceRefuses extends Fault {
  readonly code = "place-refuses";
  readonly hint: string;
  constructor(what: string, why: string, hint = CHECK_CREDENTIALS) {
    super(`Cannot ${what}: ${why}`);
    this.hint = hint;
  }
}

/** The place is full, or a quota is exhausted. */
export class PlaceFull extends Fault {
  readonly code = "place-full";
  readonly hint =
    "Free a few megabytes there, which `prune` needs itself; then `forget` and `prune`, or ask for a larger quota";
  constructor(what: string, why: string) {
    super(`Cannot ${what}: ${why}`);
  }
}

/** The server's identity could not be verified. Nothing was sent. */
export class PlaceUntrusted extends Fault {
  readonly code = "place-untrusted";
  readonly hint: string;
  constructor(what: string, why: string, hint: string) {
    super(`Cannot ${what}: ${why}`);
    this.hint = hint;
  }
}

/** Nothing was attempted: there are no credentials, or no usable ones. */
export class BadCredentials extends Fault {
  readonly code = "bad-credentials";
  readonly hint: string;
  constructor(what: string, why: string, hint: string) {
    super(`Cannot use ${what}: ${why}`);
    this.hint = hint;
  }
}
