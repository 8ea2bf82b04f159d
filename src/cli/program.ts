// Turns the registry of commands into a program: parses, runs, and reduces every failure to one line.
import { Command as Parser, CommanderError, InvalidArgumentError, Option as Flag } from "commander";
import type { Command, Context, Option } from "./command.ts";
import { UsageError, exitCode, oneLine } from "./errors.ts";
import * as values from "./values.ts";

const common = {
  seed: {
    flags: "--seed <n>",
    help: "seed of everything random",
    parse: values.whole(0, 2 ** 32 - 1),
    fallback: 0,
    shown: "0",
  },
  quiet: { flags: "-q, --quiet", help: "print errors only", fallback: false },
} satisfies Record<string, Option<unknown>>;

function toFlag(option: Option<unknown>): Flag {
  const flag = new Flag(option.flags, option.help);
  const { parse, many = false } = option;
  if (option.fallback !== undefined && parse && !many) flag.default(option.fallback, option.shown);
  if (!parse) return flag;
  return flag.argParser((text: string, before: unknown) => {
    try {
      return many ? [...((before ?? []) as unknown[]), parse(text)] : parse(text);
    } catch (error) {
      throw new InvalidArgumentError(oneLine(error));
    }
  });
}

function addCommand(program: Parser, command: Command): void {
  const parser = program.command(command.name).description(command.help);
  for (const { name, help } of command.arguments) parser.argument(name, help);
  const flags = Object.entries({ ...command.options, ...common }).map(
    ([key, option]) => [key, option, toFlag(option)] as const,
  );
  for (const [, , flag] of flags) parser.addOption(flag);
  if (command.notes) parser.addHelpText("after", `\n${command.notes}`);
  parser.action(async () => {
    const given = parser.opts<Record<string, unknown>>();
    const read = Object.fromEntries(
      flags.map(([key, option, flag]) => [key, given[flag.attributeName()] ?? option.fallback]),
    );
    const quiet = read["quiet"] as boolean;
    const context: Context = {
      seed: read["seed"] as number,
      quiet,
      say: (line) => void (quiet || process.stdout.write(`${line}\n`)),
    };
    await command.run(parser.args, read, context);
  });
}

/**
 * Runs one command line.
 * @param argv what follows the program's name
 * @returns the exit code: 0 done, 1 the work failed, 2 wrong use, 130 interrupted
 */
export async function run(
  commands: readonly Command[],
  version: string,
  argv: readonly string[],
): Promise<number> {
  const program = new Parser("adjoint")
    .description("Neural ODEs fitted to time series, and what networks look at.")
    .version(version, "-V, --version", "print the version")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText("after", "\nadjoint COMMAND --help explains a command.");
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
