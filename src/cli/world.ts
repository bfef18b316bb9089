/** Everything that the command line may know of its machine. main.ts creates the real one, tests their own. */
import type { Clock } from "../core/clock.ts";
import type { PathPlace } from "../core/written_path.ts";
import type { SystemFacts } from "../platform/facts.ts";
import type { Machine } from "../platform/machine.ts";

/** Standard output or standard error. */
export interface Output {
  /** Writes all bytes before returning. @throws PipeClosed if the reader has gone */
  write(bytes: Uint8Array): void;
  readonly isTerminal: boolean;
  /** True if it was closed when the program started, so that all output is lost. */
  isClosed(): boolean;
  /** Current width of the terminal; 80 if unknown. */
  columns(): number;
}

export interface World {
  /**
   * The machine, created on the first call: this loads the system's library, which commands like `version` don't need.
   */
  machine(): Promise<Machine>;
  /** Facts about this system. */
  facts(): Promise<SystemFacts>;
  readonly clock: Clock;
  env(name: string): string | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The base for paths on the command line. */
  readonly here: PathPlace;
  /** Text of a file or pipe. @param path absolute @param mostBytes the rest is not read @throws DiskFault */
  readTextFile(path: string, mostBytes?: number): string;
  /** Text of a file that no other user can read. @param path absolute @throws ExposedSecret, DiskFault */
  readSecret(path: string, mostBytes: number): string;
  /** Why another user may have written a file; undefined if none could. @param path absolute @throws DiskFault */
  whyOthersWrite(path: string): string | undefined;
  /** Asks for a secret without echo; undefined if there is no user to ask. @throws Interrupted */
  askSecret(question: string, signal: AbortSignal): Promise<string | undefined>;
  /** Shows a long text in a pager. @param line shell command @returns false if it can't be started */
  showPages(text: string, line: string): Promise<boolean>;
  /** Standard input up to its end. */
  stdin(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Output of a shell command. @throws CommandFailed at the end, if it fails */
  commandOutput(line: string, signal: AbortSignal): AsyncIterable<Uint8Array<ArrayBuffer>>;
  host(): string;
  user(): string;
  /** Number of processor cores. */
  readonly cores: number;
  /** Memory available to this process, in bytes. */
  memory(): number;
  /** Calls `stop` on the first interrupt; the next one ends the program at once. Until disposed. */
  onInterrupt(stop: () => void): Disposable;
}
