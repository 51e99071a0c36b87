"""Code packages: kept as they came, unpacked once, named by their content."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from .errors import MAX_CODE, invalid, too_large
from .store import UnusableState

_POLYNOMIAL = (
    0xC96C5795D7870F42  # ECMA-182, reflected: the CRC-64 that the platform names in codeChecksum
)


@dataclass(frozen=True)
class Package:
    """A stored code package: name of its content, size in bytes, CRC-64 in decimal digits."""

    sha256: str
    size: int
    checksum: str


class Packages:
    """The code packages in one folder.

    Args:
        folder: Made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, encoded: str) -> Package:
        """Stores and unpacks a package.

        Args:
            encoded: The zip file in base64.

        Raises:
            Refusal: It is no such thing, or too large.
        """
        if len(encoded) > MAX_CODE:
            raise too_large(MAX_CODE)
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise invalid("code.zipFile is not base64") from None
        name = hashlib.sha256(data).hexdigest()
        if not self.path(name).is_dir():
            self._unpack(data, self.path(name))
        archive = self.archive(name)
        if not archive.is_file():
            _write(archive, data)
        return Package(name, len(data), str(crc64(data)))

    def check(self, needed: Mapping[str, str]) -> None:
        """Checks that the code of every function is there.

        Args:
            needed: The name of each package, and a function that needs it.

        Raises:
            UnusableState: One is missing.
        """
        for name, function in sorted(needed.items()):
            if not self.path(name).is_dir():
                raise UnusableState(
                    f"the code of {function} is missing: {self.path(name)} is not there. Delete"
                    f" {self._folder.parent} to begin without deployed functions and without"
                    " queued events"
                )

    def path(self, sha256: str) -> Path:
        """The folder with the unpacked code."""
        return self._folder / sha256

    def archive(self, sha256: str) -> Path:
        """The zip file."""
        return self._folder / f"{sha256}.zip"

    def _unpack(self, data: bytes, target: Path) -> None:
        unpacked = Path(tempfile.mkdtemp(dir=self._folder, prefix="unpacking-"))
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for entry in archive.infolist():
                    _extract(archive, entry, unpacked)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            shutil.rmtree(unpacked)
            raise invalid(f"code.zipFile is no zip file: {error}") from None
        unpacked.chmod(0o755)
        with contextlib.suppress(OSError):  # another thread was faster
            unpacked.rename(target)
        shutil.rmtree(unpacked, ignore_errors=True)


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):  # aliyun-fc2 packs links as links
        link = PurePosixPath(archive.read(entry).decode())
        if link.is_absolute() or ".." in link.parts or ".." in PurePosixPath(entry.filename).parts:
            raise zipfile.BadZipFile(f"the link {entry.filename} leads out of the package")
        target = folder / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(link)
        return
    extracted = Path(archive.extract(entry, folder))
    if extracted.is_file() and mode & 0o111:
        extracted.chmod(0o755)


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)


@cache
def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)  # noqa: PLW2901  (the shift register)
        table.append(value)
    return tuple(table)


def crc64(data: bytes) -> int:
    """CRC-64/XZ, the checksum of aliyun's object store and of `codeChecksum`."""
    table, register = _table(), 0xFFFF_FFFF_FFFF_FFFF
    for byte in data:
        register = table[(register ^ byte) & 0xFF] ^ register >> 8
    return register ^ 0xFFFF_FFFF_FFFF_FFFF
