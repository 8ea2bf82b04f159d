/** @file `adjoint convert`: a network in another file format. */
import { type Command, command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { networkFlags } from "../network-flags.ts";

export const convert: Command = command({
  name: "convert",
  help: "write a network in another file format",
  arguments: [
    { name: "<in>", help: "model file, or name of a network" },
    { name: "<out>", help: "file to write; its extension says the format: .safetensors or .onnx" },
  ],
  notes: `Examples:
  adjoint convert model.h5 model.onnx
  adjoint convert mobilenet mobilenet.safetensors --alpha 0.25`,
  flags: networkFlags,
  run: async ([model, output], { weights, alpha }, context) => {
    const [{ supportedFormats, saveModel }, { checkWritable }, { openNetwork }, { sizeText }] =
      await Promise.all([
        import("../../models/index.ts"),
        import("../files.ts"),
        import("../model/open.ts"),
        import("../progress.ts"),
      ]);
    const extensions = supportedFormats()
      .formats.filter(({ isWritten }) => isWritten)
      .flatMap((format) => format.extensions);
    if (!extensions.some((extension) => output!.toLowerCase().endsWith(extension)))
      throw new UsageError(
        `expected an output that ends in ${extensions.join(" or ")}, got "${output}"`,
      );
    await checkWritable(output!);
    const network = await openNetwork({ model: model!, weights, alpha }, context);
    await saveModel(output!, network.model);
    const { size } = await import("node:fs/promises").then(({ stat }) => stat(output!));
    context.say(`wrote ${output}: ${sizeText(size)}`);
  },
});
