/** @file `adjoint models`: which networks, formats, layers and operators there are, and what is in the cache. */
import { flag as yesNo } from "../../base/kinds.ts";
import { optional } from "../../base/options.ts";
import { type Command, command, flag } from "../command.ts";

export const models: Command = command({
  name: "models",
  help: "list networks by name, the cache of their weights, file formats, layers and operators",
  arguments: [],
  flags: { json: flag("--json", optional(yesNo, false, "print JSON")) },
  run: async (_, { json }) => {
    const { listing, lines } = await import("../model/listing.ts");
    const found = await listing();
    process.stdout.write(
      json ? `${JSON.stringify(found, null, 2)}\n` : `${lines(found).join("\n")}\n`,
    );
  },
});
