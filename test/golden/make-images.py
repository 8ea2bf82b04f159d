"""Writes images.json: what Pillow decodes and resizes, and what Keras preprocesses. Run it in this folder.

Sources are made here from integers alone, so that the tests make them again; results are sha256 of their samples, or the samples
themselves where decoders may differ by a few levels (JPEG)."""
import base64
import hashlib
import io
import json
import struct
import warnings
import zlib

import numpy
import PIL
from PIL import Image

warnings.simplefilter("ignore")


def sha(array):
    return hashlib.sha256(numpy.ascontiguousarray(array).tobytes()).hexdigest()


def noise(width, height, seed):
    """Samples of a linear congruential generator (Numerical Recipes), the upper eight bits."""
    state, out = seed, bytearray()
    for _ in range(3 * width * height):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return Image.frombytes("RGB", (width, height), bytes(out))


resizes = []
filters = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
sizes = [
    ((64, 48), (64, 48)), ((64, 48), (32, 24)), ((64, 48), (7, 5)), ((64, 48), (1, 1)), ((64, 48), (224, 224)),
    ((37, 53), (36, 54)), ((37, 53), (53, 37)), ((37, 53), (37, 20)), ((37, 53), (100, 53)), ((1, 40), (1, 17)),
    ((1, 40), (9, 9)), ((40, 1), (17, 3)), ((1, 1), (5, 7)), ((2, 3), (211, 97)), ((301, 199), (224, 224)), ((500, 11), (3, 400)),
]
for number, (source, target) in enumerate(sizes):
    picture = noise(*source, number)
    for name, filter in filters.items():
        resizes.append({"source": source, "seed": number, "target": target, "interpolation": name,
                        "sha256": sha(numpy.asarray(picture.resize(target, filter)))})


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, kind, rows, palette=None, transparency=None):
    raw = b"".join(b"\0" + row for row in rows)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))]
    if palette:
        parts.append(chunk(b"PLTE", palette))
    if transparency:
        parts.append(chunk(b"tRNS", transparency))
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IDAT", zlib.compress(raw, 9)), chunk(b"IEND", b"")])


def samples(width, height, depth, channels, seed):
    stride = (width * depth * channels + 7) // 8
    data = noise((stride * height + 2) // 3 + 1, 1, seed).tobytes()
    return [data[stride * y:stride * (y + 1)] for y in range(height)]


def saved(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


palette = noise(13, 1, 99).tobytes()
files = {}
for depth in (1, 2, 4, 8, 16):
    files[f"grey, {depth} bits"] = png(11, 5, depth, 0, samples(11, 5, depth, 1, depth))
    if depth < 16:
        files[f"palette, {depth} bits"] = png(11, 5, depth, 3, samples(11, 5, depth, 1, 20 + depth), palette)
for depth in (8, 16):
    files[f"grey and alpha, {depth} bits"] = png(7, 5, depth, 4, samples(7, 5, depth, 2, 30 + depth))
    files[f"colour, {depth} bits"] = png(7, 5, depth, 2, samples(7, 5, depth, 3, 40 + depth))
    files[f"colour and alpha, {depth} bits"] = png(7, 5, depth, 6, samples(7, 5, depth, 4, 50 + depth))
files["palette with transparency"] = png(11, 5, 8, 3, samples(11, 5, 8, 1, 61), palette, b"\x00\x80\xff")
files["colour with a transparent one"] = png(7, 5, 8, 2, samples(7, 5, 8, 3, 62), None, b"\0\1\0\2\0\3")
files["grey with a transparent level"] = png(7, 5, 8, 0, samples(7, 5, 8, 1, 63), None, b"\0\x7f")
gradient = Image.fromarray(numpy.fromfunction(lambda y, x, c: (x * 9 + y * 5 * (c + 1)) % 256, (21, 26, 3)).astype("uint8"))
files["all filters"] = saved(gradient, "PNG", optimize=True)
files["comments, resolution and colour profile"] = saved(gradient, "PNG", dpi=(300, 300), icc_profile=b"x" * 200)
# Pillow writes no interlaced files: these are put together pass by pass.
for depth, channels, kind in ((8, 3, 2), (16, 1, 0), (8, 4, 6), (8, 1, 3), (4, 1, 3), (2, 1, 0), (1, 1, 0)):
    width, height = 13, 11
    rows = samples(width, height, depth, channels, 70 + depth + channels)
    bits = numpy.unpackbits(numpy.frombuffer(b"".join(rows), "uint8").reshape(height, -1), axis=1)
    pixels = bits[:, : width * depth * channels].reshape(height, width, depth * channels)
    raw = b""
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        part = pixels[y::dy, x::dx]
        for row in part:
            raw += b"\0" + numpy.packbits(row.reshape(-1)).tobytes()
    body = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 1))]
    if kind == 3:
        body.append(chunk(b"PLTE", palette))
    files[f"interlaced, {depth} bits of kind {kind}"] = (
        b"\x89PNG\r\n\x1a\n" + b"".join([*body, chunk(b"IDAT", zlib.compress(raw, 9)), chunk(b"IEND", b"")]))

pngs = []
for name, data in files.items():
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    pngs.append({"name": name, "file": base64.b64encode(data).decode(), "width": picture.width, "height": picture.height,
                 "sha256": sha(numpy.asarray(picture))})

y, x = numpy.mgrid[0:21, 0:27]
smooth = Image.fromarray(numpy.stack(
    [128 + 100 * numpy.sin(x / 9 + y / 7), 128 + 90 * numpy.cos(x / 11 - y / 8), 60 + 6 * x], -1).clip(0, 255).astype("uint8"))
exif = Image.Exif()
exif[0x0112] = 6
jpegs = []
for name, data in {
    "4:4:4": saved(smooth, "JPEG", quality=92, subsampling=0),
    "4:2:2": saved(smooth, "JPEG", quality=92, subsampling=1),
    "4:2:0": saved(smooth, "JPEG", quality=92, subsampling=2),
    "progressive": saved(smooth, "JPEG", quality=92, subsampling=0, progressive=True),
    "progressive, 4:2:0": saved(smooth, "JPEG", quality=92, subsampling=2, progressive=True),
    "restart intervals": saved(smooth, "JPEG", quality=92, subsampling=0, restart_marker_blocks=2),
    "grey": saved(smooth.convert("L"), "JPEG", quality=92),
    "CMYK": saved(smooth.convert("CMYK"), "JPEG", quality=92, subsampling=0),
    "red, green and blue": saved(smooth, "JPEG", quality=92, keep_rgb=True),
    "turned by EXIF": saved(smooth, "JPEG", quality=92, subsampling=0, exif=exif),
}.items():
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    jpegs.append({"name": name, "file": base64.b64encode(data).decode(), "width": picture.width, "height": picture.height,
                  "samples": base64.b64encode(picture.tobytes()).decode()})

import keras  # noqa: E402
from keras.src.applications.imagenet_utils import preprocess_input  # noqa: E402

levels = numpy.arange(768).reshape(16, 16, 3)
levels = ((levels * 7) % 256).astype("float32")[None]
modes = {mode: sha(preprocess_input(levels.copy(), mode=mode).astype("float32")) for mode in ("caffe", "tf", "torch")}

golden = {"about": f"Pillow {PIL.__version__}, Keras {keras.__version__}; by make-images.py",
               "resizes": resizes, "pngs": pngs, "jpegs": jpegs, "preprocess": modes}
# A line for each case.
lines = ",\n".join(
    f"{json.dumps(key)}: " + ("[\n" + ",\n".join(json.dumps(case) for case in value) + "\n]" if isinstance(value, list) else json.dumps(value))
    for key, value in golden.items())
with open("images.json", "w") as out:
    out.write("{\n" + lines + "\n}\n")
