/** @file An ONNX operator that is read: Shrink (ONNX 1.5, opset 9), 0 in [-lambd, lambd] and nearer to 0 by `bias` elsewhere. */
import { where } from "../../../src/index.ts";
import type { Operator } from "../../../src/models/formats/onnx/read/operators/operator.ts";
import { lambda } from "../../../src/nn/index.ts";

export const shrink: Operator = {
  build(node) {
    const x = node.signal(0);
    const [lambd, bias] = [node.float("lambd", 0.5), node.float("bias", 0)];
    const symbol = node.layer(
      (base) =>
        lambda((a) => {
          const raised = where(a.less(-lambd), a.add(bias), 0);
          return where(a.greater(lambd), a.sub(bias), raised);
        }, base),
      x.symbol,
    );
    node.give({ ...x, symbol });
  },
};
