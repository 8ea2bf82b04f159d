/** @file The elements of HDF5's datasets: in one piece, within the header, or in chunks, deflated or not. */
import { sizeOf } from "../../ir/shape.ts";
import { convert, readElements } from "../elements.ts";
import { readChunks } from "./chunks.ts";
import { type Hdf5File, nowhere } from "./file.ts";
import { readFilters } from "./filters.ts";
import { type Message, kindsOfMessage } from "./messages.ts";
import { readExtents, readType } from "./types.ts";

/** Elements that are not yet read. */
export interface Dataset {
  readonly shape: readonly number[];
  /** Reads all as floats. */
  readInto(elements: Float32Array | Float64Array): Promise<void>;
}

/** What the messages of a dataset say of its elements. FormatError for layouts that Keras does not write. */
export async function readDataset(
  file: Hdf5File,
  place: string,
  messages: readonly Message[],
): Promise<Dataset> {
  const bodyOf = (kind: number, what: string): Message["body"] => {
    const message = messages.find((one) => one.kind === kind);
    if (message === undefined) return file.fail(place, `a dataset with ${what}`, "none");
    message.body.position = 0;
    return message.body;
  };
  const type = readType(bodyOf(kindsOfMessage.datatype, "a type"));
  const shape = readExtents(bodyOf(kindsOfMessage.dataspace, "extents"));
  if (type.is !== "number" || shape === undefined)
    return file.fail(place, "numbers", type.is === "number" ? "nothing" : "texts", "");
  const { kind, little, bytes } = type;
  const body = bodyOf(kindsOfMessage.layout, "a layout");
  const size = sizeOf(shape);
  const version = body.uint(1);
  const layout = body.uint(1);
  if (version !== 3 && !(version === 4 && layout < 2))
    return file.fail(
      place,
      "a layout of version 3",
      `version ${version}`,
      'Write the file with libver="earliest".',
    );
  if (layout === 0) {
    const data = body.part(body.uint(2)).bytes;
    if (data.length < size * bytes) body.fail(`${size * bytes} bytes`, String(data.length));
    return {
      shape,
      readInto: async (elements) => convert(data, kind, elements, little),
    };
  }
  if (layout === 1) {
    const address = body.address();
    const length = body.length();
    // Elements that were never written have no address, and are 0.
    if (address !== nowhere && length < size * bytes)
      body.fail(`${size * bytes} bytes`, String(length));
    if (address !== nowhere) await file.at(place, address + size * bytes, 0);
    return {
      shape,
      readInto: (elements) =>
        address === nowhere
          ? file.fail(place, "elements", "none: they were never written")
          : readElements(file.source, file.base + address, kind, elements, little),
    };
  }
  if (layout !== 2) return body.fail("a dataset in one piece or chunks", `layout ${layout}`);
  const rank = body.uint(1) - 1;
  const tree = body.address();
  if (rank !== shape.length) body.fail(`chunks of ${shape.length} axes`, String(rank));
  const chunk = shape.map(() => body.uint32());
  const filters = readFilters(
    messages.find((one) => one.kind === kindsOfMessage.filters)?.body,
    bytes,
  );
  return {
    shape,
    readInto: (elements) =>
      readChunks(file, place, { shape, chunk, tree, type, filters }, elements),
  };
}
