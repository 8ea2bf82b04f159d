/**
 * @file What a command is: a name, help, flags, and the work. A flag stands for an option, declared here or by the library function
 * that it is handed to: type, default, check and help text come from there.
 */
import type { Option } from "../base/options.ts";

// Options differ in what they accept, and the mapped type of a command's values recovers the type of each.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyOption = Option<any, any, boolean>;

/** A flag of a command line. */
export interface Flag<O extends AnyOption = AnyOption, Many extends boolean = boolean> {
  /** As commander reads it: `-o, --output <file>`. */
  readonly flags: string;
  readonly option: O;
  /** Whether it takes several values and may be repeated: the command then gets a list. */
  readonly many: Many;
}

/** A positional argument. */
export interface Argument {
  /** As commander reads it: `<file>` is required, `[file]` is not. */
  readonly name: string;
  readonly help: string;
}

/** What every command gets besides its own flags. */
export interface Context {
  readonly seed: number;
  readonly quiet: boolean;
  /** Prints a line for the person at the terminal (stdout), unless quiet. */
  readonly say: (line: string) => void;
}

/** A command of the registry. */
export interface Command {
  readonly name: string;
  readonly help: string;
  /** Lines below the flags in the help: examples, formats. */
  readonly notes?: string;
  readonly arguments: readonly Argument[];
  readonly flags: Readonly<Record<string, Flag>>;
  readonly run: (
    args: readonly string[],
    values: Readonly<Record<string, unknown>>,
    context: Context,
  ) => Promise<void>;
}

type ValueOf<O> = O extends Option<infer _G, infer V, boolean> ? V : never;

type Values<F> = {
  readonly [K in keyof F]: F[K] extends Flag<infer O, infer Many>
    ? Many extends true
      ? readonly NonNullable<ValueOf<O>>[]
      : ValueOf<O>
    : never;
};

/** Ties the flags of a command to the values that its `run` receives, then forgets the types. */
export function command<const F extends Readonly<Record<string, Flag>>>(
  spec: Omit<Command, "flags" | "run"> & {
    readonly flags: F;
    readonly run: (args: readonly string[], values: Values<F>, context: Context) => Promise<void>;
  },
): Command {
  return spec as unknown as Command;
}

/** A flag for an option; without `<...>` it is a switch. */
export function flag<O extends AnyOption>(flags: string, option: O): Flag<O, false> {
  return { flags, option, many: false };
}

/** An option of the library that the command line may leave open; `otherwise` says what happens then. */
export function open<Given, Value>(
  option: Option<Given, Value, boolean>,
  otherwise: string,
): Option<Given, Value | undefined, false> {
  const help = `${phrase(option.help)} (default: ${otherwise})`;
  return { ...option, needed: false, fallback: undefined, help };
}

/** Help as a list of flags has it: a phrase, not a sentence. */
export function phrase(help: string): string {
  return help.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase()).replace(/\.$/, "");
}

/** A flag with one value or more, `<name...>`: a list, empty unless given. */
export function manyFlag<O extends AnyOption>(flags: string, option: O): Flag<O, true> {
  return { flags, option, many: true };
}
