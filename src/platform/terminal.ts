/** Whether a person is looking, and how wide their window is. */

export interface Terminal {
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Width now, in columns; 80 where unknown. */
  columns(): number;
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
