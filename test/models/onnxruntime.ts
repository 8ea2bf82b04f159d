/** @file onnxruntime-node, where it is installed: not among our own dependencies, because it is 291 MB. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { Tensor, tensor } from "../../src/index.ts";

type Elements = Float32Array | Float64Array | Int32Array | Uint8Array;
interface OrtTensor {
  readonly dims: readonly number[];
  readonly type: string;
  readonly data: Elements;
}
interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}
interface Ort {
  readonly Tensor: new (type: string, data: Elements, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(bytes: Uint8Array, options?: object): Promise<Session>;
  };
}

/** onnxruntime-node from the folder in ADJOINT_TEST_ORT, or from where modules are looked for. */
export const ort: Ort | undefined = (() => {
  const folder = process.env["ADJOINT_TEST_ORT"];
  try {
    const from = folder === undefined ? import.meta.url : join(folder, "package.json");
    return createRequire(from)("onnxruntime-node") as Ort;
  } catch {
    return undefined;
  }
})();

const types = { float32: "float32", float64: "float64", int32: "int32", bool: "bool" } as const;

/** Runs a file on inputs, in the order of the file's. */
export async function runInOrt(bytes: Uint8Array, inputs: readonly Tensor[]): Promise<Tensor[]> {
  const session = await ort!.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  try {
    const feeds = Object.fromEntries(
      session.inputNames.map((name, index) => {
        const { dtype, shape, elements } = inputs[index]!;
        return [name, new ort!.Tensor(types[dtype], elements as Elements, shape)];
      }),
    );
    const results = await session.run(feeds);
    return session.outputNames.map((name) => {
      const { data, dims, type } = results[name]!;
      return tensor(data, { shape: [...dims], dtype: type as Tensor["dtype"] });
    });
  } finally {
    await session.release();
  }
}
