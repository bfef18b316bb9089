/**
 * The first account, made on a page by whoever can read a token on this machine. Only a missing file of accounts is a
 * first start: one that can't be read, or lists nobody, is not.
 */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { addressGroup, type Failures } from "./failures.ts";
import { hashPassword, sha256 } from "./passwords.ts";
import type { User, UserFile } from "./user_file.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { Fault, unlessFault } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { replaceFile } from "../../platform/private_file.ts";

const FILE = rawOf("setup-token"), TOKEN_BYTES = 32;
export const SETUP_MINUTES = 60;

export class SetupEnded extends Fault {
  readonly code = "no-setup";
  readonly hint = "Start the server again for another hour, or use `backup-tool account add NAME --role admin`";
  constructor() {
    super("The first account can no longer be made on the page");
  }
}

/** There are accounts already. */
export class AlreadySetUp extends Fault {
  readonly code = "set-up";
  readonly hint = "Sign in; if it wasn't you who made them, stop the server";
  constructor() {
    super("There are accounts already");
  }
}

export class WrongSetupToken extends Fault {
  readonly code = "wrong-token";
  readonly hint = "Copy it whole from the server's output, or from the file `setup-token` beside its accounts";
  constructor() {
    super("That is not the token for the first account");
  }
}

export interface FirstAccount {
  readonly token: string;
  readonly name: string;
  readonly password: string;
  /** Address of the client. */
  readonly address: string;
}

export class Setup implements Disposable {
  readonly #dir: Dir;
  readonly #file: UserFile;
  readonly #world: { readonly clock: Clock; readonly random: Random };
  readonly #failures: Failures;
  #expected: { readonly hash: string; readonly untilMs: number } | undefined;

  /** @param dir directory of the accounts */
  constructor(
    dir: Dir,
    file: UserFile,
    world: { readonly clock: Clock; readonly random: Random },
    failures: Failures,
  ) {
    this.#dir = dir;
    this.#file = file;
    this.#world = world;
    this.#failures = failures;
  }

  [Symbol.dispose](): void {
    if (this.#expected !== undefined) this.#end();
  }

  /** Path of the file with the token. */
  get path(): Raw {
    return joinRaw(this.#dir.path, FILE);
  }

  /** Creates a token if there is no file of accounts. @returns the token @throws DiskFault */
  begin(): string | undefined {
    if (!this.#file.isMissing()) {
      this.#end(); // one of an earlier start
      return undefined;
    }
    const { random, clock } = this.#world, token = Buffer.from(random(TOKEN_BYTES)).toString("hex");
    replaceFile(this.#dir, FILE, `${token}\n`, random);
    this.#expected = { hash: sha256(token), untilMs: clock.nowMs() + SETUP_MINUTES * 60_000 };
    return token;
  }

  /** True while the first account can be made on the page. */
  get isOpen(): boolean {
    return this.#hash() !== undefined && this.#file.isMissing();
  }

  /**
   * Makes the first account, an admin. Of two at once, only one succeeds.
   * @throws AlreadySetUp, SetupEnded, WrongSetupToken, TooManyFailures, BadAccountName, BadPassword, Busy, DiskFault
   */
  async finish({ token, name, password, address }: FirstAccount): Promise<void> {
    const key = `setup ${addressGroup(address)}`, { random } = this.#world;
    this.#failures.assertNone(key);
    if (!this.#file.isMissing()) throw new AlreadySetUp();
    const hash = this.#hash();
    if (hash === undefined) throw new SetupEnded();
    if (!timingSafeEqual(Buffer.from(sha256(token.trim())), Buffer.from(hash))) {
      this.#failures.add(key);
      throw new WrongSetupToken();
    }
    const user: User = { name, role: "admin", tokens: [], password: await hashPassword(password, random) };
    if (!this.#file.create(user, random)) throw new AlreadySetUp();
    this.#end();
  }

  #hash(): string | undefined {
    const { hash, untilMs = 0 } = this.#expected ?? {};
    if (hash === undefined || this.#world.clock.nowMs() < untilMs) return hash;
    this.#end();
    return undefined;
  }

  #end(): void {
    this.#expected = undefined;
    // A token that is no longer accepted is no secret.
    unlessFault(() => this.#dir.unlink(FILE), false);
  }
}
