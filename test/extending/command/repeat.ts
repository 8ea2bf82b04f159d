/** @file A command: `adjoint repeat <word> --times <n>`. */
import { count } from "../../../src/base/kinds.ts";
import { optional } from "../../../src/base/options.ts";
import { type Command, command, flag } from "../../../src/cli/command.ts";

export const repeat: Command = command({
  name: "repeat",
  help: "print a word several times",
  arguments: [{ name: "<word>", help: "what to print" }],
  flags: { times: flag("--times <n>", optional(count, 2, "how often")) },
  run: async ([word], { times }, { say }) => say(Array(times).fill(word).join(" ")),
});
