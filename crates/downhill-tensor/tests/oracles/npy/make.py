"""Writes the .npy files of this folder with NumPy itself (2.4.6), once. The tests read them."""

import numpy
from numpy.lib import format as npy_format

count = numpy.arange(24).reshape(2, 3, 4)


def save(name, array, version=None):
    with open(f"{name}.npy", "wb") as file:
        npy_format.write_array(file, array, version=version)


save("f4", (count / 8 - 1).astype("<f4"))
save("f8_fortran", numpy.asfortranarray((count / 8 - 1).astype("<f8")))
save("f8_big_endian", (count / 8 - 1).astype(">f8"))
save("f4_big_endian_fortran", numpy.asfortranarray((count / 8 - 1).astype(">f4")))
save("i8", (count - 12).astype("<i8"))
save("i4", (count - 12).astype("<i4"))
save("i2_big_endian", (count - 12).astype(">i2"))
save("i1", (count - 12).astype("i1"))
save("u1", count.astype("u1"))
save("u4", (count + 4294967272).astype("<u4"))
save("b1", count % 3 == 0)
save("scalar", numpy.array(2.5))
save("empty", numpy.zeros((2, 0), dtype="<f4"))
save("version_2", (count - 12).astype("<i8"), version=(2, 0))
save("version_3", (count - 12).astype("<i8"), version=(3, 0))
save("complex", numpy.array([1 + 2j]))
