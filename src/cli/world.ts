/** All that the command line may know of the machine it runs on; main.ts makes the real one, tests make their own. */
import type { Clock } from "../core/clock.ts";
import type { PathPlace } from "../core/written_path.ts";
import type { SystemFacts } from "../platform/facts.ts";
import type { Machine } from "../platform/machine.ts";

/** Standard output or standard error. */
export interface Output {
  /** Writes all of it before returning. @throws PipeClosed if nobody reads any more */
  write(bytes: Uint8Array): void;
  readonly isTerminal: boolean;
  /** True if nothing was there when the program was started, so that all that is written is lost. */
  isClosed(): boolean;
  /** Width of the terminal now; 80 where unknown. */
  columns(): number;
}

export interface World {
  /** Made on the first call: it loads the system's library, which commands like `version` have no use for. */
  machine(): Promise<Machine>;
  /** What is to be known of this machine. */
  facts(): Promise<SystemFacts>;
  readonly clock: Clock;
  env(name: string): string | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  /** What the paths of the command line start from. */
  readonly here: PathPlace;
  /** Text of a file or pipe. @param path absolute @param mostBytes what comes after them is not read @throws DiskFault */
  readTextFile(path: string, mostBytes?: number): string;
  /** Text of a file that nobody else can read. @param path absolute @throws ExposedSecret, DiskFault */
  readSecret(path: string, mostBytes: number): string;
  /** Why somebody else may have written a file; undefined if nobody could. @param path absolute @throws DiskFault */
  whyOthersWrite(path: string): string | undefined;
  /** What a person types, unseen; undefined if nobody is there to be asked. @throws Interrupted */
  askSecret(question: string, signal: AbortSignal): Promise<string | undefined>;
  /** Has a pager show a long text. @param line for the shell @returns false if it can't be started */
  showPages(text: string, line: string): Promise<boolean>;
  /** Standard input to its end. */
  stdin(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** What a line for the shell prints. @throws CommandFailed at the end, if it fails */
  commandOutput(line: string, signal: AbortSignal): AsyncIterable<Uint8Array<ArrayBuffer>>;
  host(): string;
  user(): string;
  /** Processor cores. */
  readonly cores: number;
  /** How much memory there is for this process, in bytes. */
  memory(): number;
  /** Calls back at the first wish to stop; the next one ends the program without asking. Until disposed. */
  onInterrupt(stop: () => void): Disposable;
}
