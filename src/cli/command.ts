// What a command is: a name, help, options with their parsers, and the work. One file each in commands/.

/** One option. `flags` as commander reads them (`-o, --output <file>`); `parse` throws a `UsageError`. */
export interface Option<T> {
  readonly flags: string;
  readonly help: string;
  readonly parse?: (text: string) => T;
  readonly fallback: T;
  /** How the default is shown in the help; absent: not shown. */
  readonly shown?: string;
  /** Whether the option takes several values and may be repeated: the command gets a list of what was parsed. */
  readonly many?: boolean;
}

/** A positional argument. */
export interface Argument {
  /** As commander reads it: `<file>` is required, `[file]` is not. */
  readonly name: string;
  readonly help: string;
}

/** What every command gets besides its own options. */
export interface Context {
  readonly seed: number;
  readonly quiet: boolean;
  /** A line for the person at the terminal (stdout); silent when quiet. */
  readonly say: (line: string) => void;
}

/** A command of the registry. */
export interface Command {
  readonly name: string;
  readonly help: string;
  /** Lines shown below the options: examples, formats. */
  readonly notes?: string;
  readonly arguments: readonly Argument[];
  readonly options: Readonly<Record<string, Option<unknown>>>;
  readonly run: (
    args: readonly string[],
    values: Readonly<Record<string, unknown>>,
    context: Context,
  ) => Promise<void>;
}

type Values<O> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

/** Ties a command's options to the values its `run` receives, then forgets the types. */
export function command<const O extends Readonly<Record<string, Option<unknown>>>>(
  spec: Omit<Command, "options" | "run"> & {
    readonly options: O;
    readonly run: (args: readonly string[], values: Values<O>, context: Context) => Promise<void>;
  },
): Command {
  return spec as unknown as Command;
}

/** An option with a value. */
export function option<T>(
  flags: string,
  help: string,
  parse: (text: string) => T,
  fallback: T,
  shown?: string,
): Option<T> {
  return { flags, help, parse, fallback, ...(shown === undefined ? {} : { shown }) };
}

/** An option with one value or more, `<name...>` in its flags: a list, empty unless given. */
export function manyOption<T>(
  flags: string,
  help: string,
  parse: (text: string) => T,
): Option<readonly T[]> {
  // The parser below reads one value; the program gathers what it gives.
  return {
    flags,
    help,
    parse: parse as unknown as (text: string) => T[],
    fallback: [],
    many: true,
  };
}

/** A switch: present or not. */
export function flag(flags: string, help: string): Option<boolean> {
  return { flags, help, fallback: false };
}
