/** Failures of hooks. */
import { Fault } from "../../core/fault.ts";

/** A hook failed. The message doesn't contain the command, which may hold a secret. */
export class HookFailed extends Fault {
  readonly code = "hook-failed";
  readonly hint: string;
  /** @param event of the hook @param position of the command among those of the hook, from 1 @param why it failed */
  constructor(event: string, position: number, why: string) {
    const which = position === 1 ? "" : ` (command ${position})`;
    super(`The hook "${event}"${which} failed: ${why}`);
    this.hint = event === "before"
      ? "Nothing was done; run the command by hand, or leave the hooks out with `--no-hooks`"
      : "The work itself was not affected; run the command by hand to see why it fails";
  }
}

/** Others could have written commands in a file, and so run anything as this user. */
export class UntrustedCommands extends Fault {
  readonly code = "untrusted-commands";
  readonly hint =
    "Take the right to write from others with `chmod go-w`, give it to yourself with `chown`, or remove " +
    "the commands from the file";
  /** @param file its path @param keys that contain commands @param why somebody else may have written them */
  constructor(file: string, keys: readonly string[], why: string) {
    super(`Cannot run the commands in ${JSON.stringify(file)} (${keys.join(", ")}): ${why}`);
  }
}
