/** @file `adjoint summary`: the table of a network's layers. */
import { flag as yesNo } from "../../base/kinds.ts";
import { optional } from "../../base/options.ts";
import { type Command, command, flag } from "../command.ts";
import { networkFlags } from "../network-flags.ts";

export const summary: Command = command({
  name: "summary",
  help: "print the layers of a network: names, types, shapes, parameters",
  arguments: [{ name: "<model>", help: "model file, or name of a network" }],
  notes: `Examples:
  adjoint summary model.onnx
  adjoint summary mobilenet --alpha 0.25`,
  flags: {
    ...networkFlags,
    nested: flag(
      "--expand-nested",
      optional(yesNo, false, "show the layers of networks within the network too"),
    ),
    trainable: flag("--show-trainable", optional(yesNo, false, "show which layers are trained")),
  },
  run: async ([model], { weights, alpha, nested, trainable }, context) => {
    const { outlineNetwork } = await import("../model/open.ts");
    const network = await outlineNetwork({ model: model!, weights, alpha }, context);
    const text = network.model.summary({ expandNested: nested, showTrainable: trainable });
    process.stdout.write(`${text}\n`);
  },
});
