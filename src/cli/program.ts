/** @file Turns the registry of commands into a program: parses, runs, and reduces every failure to one line. */
import { Command as Parser, CommanderError, Option as ParserFlag } from "commander";
import { flag as yesNo, whole } from "../base/kinds.ts";
import { optional } from "../base/options.ts";
import { type Command, type Context, type Flag, flag, phrase } from "./command.ts";
import { UsageError, exitCode, oneLine } from "./errors.ts";

/** The flags that every command has. */
export const commonFlags = {
  seed: flag("--seed <n>", optional(whole(0, 2 ** 32 - 1), 0, "seed of everything random")),
  quiet: flag("-q, --quiet", optional(yesNo, false, "print errors only")),
};

const long = (flags: string): string => /--[\w-]+/.exec(flags)![0];

/** The value that a text stands for. Throws UsageError naming the flag. */
function readText({ flags, option }: Flag, text: string): unknown {
  const { kind } = option;
  return kind.read(long(flags), kind.parse ? kind.parse(text) : text, UsageError);
}

function toParserFlag(given: Flag): ParserFlag {
  const { flags, option, many } = given;
  const made = new ParserFlag(flags, phrase(option.help));
  if (!flags.includes("<")) return made;
  const { fallback } = option;
  if (fallback !== undefined && !many)
    made.default(
      fallbackOf(given),
      Array.isArray(fallback) ? fallback.join(",") : String(fallback),
    );
  return made.argParser((text: string, before: unknown) => {
    const value = readText(given, text);
    return many ? [...((before ?? []) as unknown[]), value] : value;
  });
}

function fallbackOf({ option, many, flags }: Flag): unknown {
  const { kind, fallback } = option;
  if (many) return [];
  return fallback === undefined ? undefined : kind.read(long(flags), fallback, UsageError);
}

function addCommand(program: Parser, command: Command): void {
  const parser = program.command(command.name).description(command.help);
  for (const { name, help } of command.arguments) parser.argument(name, help);
  const flags = Object.entries({ ...command.flags, ...commonFlags }).map(
    ([key, given]) => [key, given as Flag, toParserFlag(given as Flag)] as const,
  );
  for (const [, , parserFlag] of flags) parser.addOption(parserFlag);
  if (command.notes) parser.addHelpText("after", `\n${command.notes}`);
  parser.action(async () => {
    const given = parser.opts<Record<string, unknown>>();
    const { seed, quiet, ...values } = Object.fromEntries(
      flags.map(([key, own, parserFlag]) => [
        key,
        given[parserFlag.attributeName()] ?? fallbackOf(own),
      ]),
    ) as Record<string, unknown> & { readonly seed: number; readonly quiet: boolean };
    const context: Context = {
      seed,
      quiet,
      say: (line) => void (quiet || process.stdout.write(`${line}\n`)),
    };
    await command.run(parser.args, values, context);
  });
}

/** Runs one command line, without the program's name. The exit code: 0 done, 1 the work failed, 2 wrong use, 130 interrupted. */
export async function run(
  commands: readonly Command[],
  version: string,
  argv: readonly string[],
): Promise<number> {
  const program = new Parser("adjoint")
    .description("Fits neural ODEs to time series, and shows what image networks look at.")
    .version(version, "-V, --version", "print the version")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText("after", "\nadjoint COMMAND --help shows how a command is used.");
  for (const command of commands) addCommand(program, command);

  const chosen = commands.find((c) => c.name === argv[0]);
  const who = chosen ? `adjoint ${chosen.name}` : "adjoint";
  const complain = (message: string): void => void process.stderr.write(`${who}: ${message}\n`);
  try {
    if (argv.length === 0) throw new UsageError("expected a command");
    await program.parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      const text = oneLine(new UsageError(error.message.replace(/^error: /, "")));
      complain(`${text.replace(/([^.)?])$/, "$1.")} See ${who} --help.`);
      return 2;
    }
    const text = oneLine(error);
    complain(
      error instanceof UsageError ? `${text.replace(/\.?$/, ".")} See ${who} --help.` : text,
    );
    if (process.env["ADJOINT_DEBUG"] && error instanceof Error) console.error(error.stack);
    return exitCode(error);
  }
}
