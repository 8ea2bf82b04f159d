/**
 * @file Options declared once. A schema gives each option its kind (type and check), its default and its help text. The type of
 * what users write, the checked settings, the error messages, the rows of the documentation and the flags of the command line follow.
 */
import { ArgumentError, complaint, describe } from "./errors.ts";
import { likelyName } from "./near-names.ts";

/** The class of the error that a failed check throws. */
export type Failure = new (message: string, options?: { readonly cause?: unknown }) => Error;

/** A kind of value. `Given` is the type of what users write, `Value` the type of what the code works with. */
export interface Kind<Given, Value = Given> {
  /** What is accepted, as errors and documentation say it: "a positive integer". */
  readonly expected: string;
  /** The value that was meant. Throws `Fails` with a message that begins with `who` if the kind does not accept it. */
  read(who: string, given: unknown, Fails: Failure): Value;
  /** What the text of a command line stands for, to be passed to `read`; absent where no text can stand for it. */
  readonly parse?: (text: string) => unknown;
  /** Whether null is a value of its own; otherwise it leaves an option to its default, as undefined does. */
  readonly takesNull?: boolean;
  /** Carries the type alone. */
  readonly given?: Given;
}

/** One option of a schema. */
export interface Option<Given, Value, Needed extends boolean> {
  readonly kind: Kind<Given, unknown>;
  /** What the option does, in one sentence, with its unit. */
  readonly help: string;
  readonly needed: Needed;
  /** The default, as users write it; undefined if the option may stay open. */
  readonly fallback: Given | undefined;
  /** The option whose value this one takes unless it is given. */
  readonly follows?: string;
  /** Carries the type alone. */
  readonly value?: Value;
}

/** Options by name. Specs are combined by spreading them into one object. */
// Options differ in what they accept, and a mapped type recovers the type of each.
// oxlint-disable-next-line typescript/no-explicit-any
export type Spec = Readonly<Record<string, Option<any, any, boolean>>>;

type NeededNames<S extends Spec> = {
  [Name in keyof S]: S[Name]["needed"] extends true ? Name : never;
}[keyof S];

type Given<O> = O extends Option<infer G, infer _V, boolean> ? G : never;

/** The options that users write: those without a default are required. */
export type OptionsOf<S extends Spec> = {
  readonly [Name in NeededNames<S>]: Given<S[Name]>;
} & {
  readonly [Name in Exclude<keyof S, NeededNames<S>>]?: Given<S[Name]> | undefined;
};

/** The settings that code reads: every option is decided. */
export type SettingsOf<S extends Spec> = {
  readonly [Name in keyof S]: S[Name] extends Option<infer _G, infer V, boolean> ? V : never;
};

/** An option without a default: leaving it out is an error. */
export function required<Given, Value>(
  kind: Kind<Given, Value>,
  help: string,
): Option<Given, Value, true> {
  return { kind, help, needed: true, fallback: undefined };
}

/** An option with a default, written as users would write it; `undefined` leaves the option open. */
export function optional<Given, Value>(
  kind: Kind<Given, Value>,
  fallback: undefined,
  help: string,
): Option<Given, Value | undefined, false>;
export function optional<Given, Value>(
  kind: Kind<Given, Value>,
  fallback: NoInfer<Given>,
  help: string,
): Option<Given, Value, false>;
export function optional<Given, Value>(
  kind: Kind<Given, Value>,
  fallback: Given | undefined,
  help: string,
): Option<Given, Value | undefined, false> {
  return { kind, help, needed: false, fallback };
}

/** An option that is what another option of the same spec is, unless it is given. */
export function sameAs<Given, Value>(
  kind: Kind<Given, Value>,
  follows: string,
  help: string,
): Option<Given, Value, false> {
  return { kind, help, needed: false, fallback: undefined, follows };
}

/** A row of documentation about one option. */
export interface OptionRow {
  readonly name: string;
  readonly expected: string;
  /** The default as users write it, "required", the option that it follows, or "-" if the option may stay open. */
  readonly fallback: string;
  readonly help: string;
}

/** A declared set of options. */
export interface Schema<S extends Spec> {
  readonly spec: S;
  readonly names: readonly (keyof S & string)[];
  /**
   * The settings for what a user wrote. Throws `Fails` (ArgumentError unless given), naming `who` and the option, for names that are
   * not in the schema and for values that their kind does not accept.
   */
  read(who: string, options: unknown, Fails?: Failure): SettingsOf<S>;
  /** One row for each option, for documentation and help. */
  rows(): OptionRow[];
}

/** A schema of the options in a spec. */
export function schema<const S extends Spec>(spec: S): Schema<S> {
  const names = Object.keys(spec);
  const defaults = new Map<string, unknown>();
  const fallbackOf = ({ needed, fallback, follows }: S[string]): string => {
    if (needed) return "required";
    if (follows !== undefined) return `as ${follows}`;
    return fallback === undefined ? "-" : shown(fallback);
  };
  return {
    spec,
    names,
    read(who, options, Fails = ArgumentError) {
      checkOptions(who, options, names, Fails);
      const given = options as Readonly<Record<string, unknown>>;
      const settings: Record<string, unknown> = {};
      for (const name of names) {
        const { kind, needed, fallback, follows } = spec[name]!;
        const wanted = given[name] ?? (follows === undefined ? undefined : given[follows]);
        const isNull = given[name] === null && kind.takesNull === true;
        if (wanted === undefined && !isNull && defaults.has(name)) {
          settings[name] = defaults.get(name);
          continue;
        }
        const other = follows === undefined ? fallback : spec[follows]!.fallback;
        const value: unknown = isNull ? null : (wanted ?? other);
        const isOpen = value === undefined && !needed;
        const setting = isOpen ? undefined : kind.read(`${who}: ${name}`, value, Fails);
        settings[name] = setting;
        // A default that is an object is made anew: it may have state.
        if (wanted === undefined && !isNull && Object(setting) !== setting)
          defaults.set(name, setting);
      }
      return settings as SettingsOf<S>;
    },
    rows: () =>
      Object.entries(spec).map(([name, option]) => ({
        name,
        expected: option.kind.expected,
        fallback: fallbackOf(option as S[string]),
        help: option.help,
      })),
  };
}

function shown(value: unknown): string {
  if (typeof value === "object" && value !== null && "name" in value) return String(value.name);
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? describe(value));
}

/** Throws `Fails` unless `options` is an object whose names are all among `known`, which the message lists. */
export function checkOptions(
  who: string,
  options: unknown,
  known: readonly string[],
  Fails: Failure = ArgumentError,
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new Fails(complaint(who, "an object of options", describe(options)));
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const expected = known.length === 0 ? "no options" : `options among ${known.join(", ")}`;
    throw new Fails(complaint(who, expected, describe(name), meant(name, known)));
  }
}

/** Throws `Fails` unless the value is one of the names, which the message lists. */
export function checkChoice(
  who: string,
  value: unknown,
  known: readonly string[],
  Fails: Failure = ArgumentError,
): void {
  if (known.includes(value as string)) return;
  throw new Fails(
    complaint(who, `one of ${known.join(", ")}`, describe(value), meant(value, known)),
  );
}

function meant(name: unknown, known: readonly string[]): string | undefined {
  const likely = typeof name === "string" ? likelyName(name, known) : undefined;
  return likely === undefined ? undefined : `Did you mean ${likely}?`;
}
