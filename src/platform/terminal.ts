/** Whether output goes to a terminal, and how wide that is. */

export interface Terminal {
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Current width in columns; 80 where unknown. */
  columns(): number;
}

/** Of /dev/null on Linux, and the flag of open(2) for reading and writing. */
const NULL_DEVICE = 0x103, READS_AND_WRITES = 2, ACCESS_MODES = 3;

/**
 * True if this program was started without a standard output (`>&-`). The runtime replaces it by the null device,
 * opened for reading and writing; users who discard the output open that device for writing only.
 */
export function isStdoutClosed(): boolean {
  try {
    const { rdev } = Deno.statSync("/proc/self/fd/1");
    const [, flags = "0"] = /^flags:\s*([0-7]+)$/m.exec(Deno.readTextFileSync("/proc/self/fdinfo/1")) ?? [];
    return rdev === NULL_DEVICE && (parseInt(flags, 8) & ACCESS_MODES) === READS_AND_WRITES;
  } catch {
    return false; // the system doesn't say
  }
}

/** Some pseudo-terminals have no size and say 0. */
const USUAL_COLUMNS = 80;

export function terminal(): Terminal {
  return {
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    stderrIsTerminal: Deno.stderr.isTerminal(),
    columns,
  };
}

function columns(): number {
  try {
    return Deno.consoleSize().columns || USUAL_COLUMNS;
  } catch {
    // No terminal at all.
    return USUAL_COLUMNS;
  }
}
