"""Changes a compound file with libgsf: `storage.py CASE IN OUT`. Debian's own Python has the bindings."""

import sys

import gi

gi.require_version("Gsf", "1")
from gi.repository import Gsf

case, source, target = sys.argv[1:]
# The class of the root says what a database is (Windows Installer SDK: database, transform, patch).
CLASSES = {"storage": 0x84, "transform": 0x82, "patch": 0x86}


def copy(from_, to):
    for n in range(from_.num_children()):
        name = from_.name_by_index(n)
        child = from_.child_by_index(n)
        out = to.new_child(name, False)
        if child.size:
            out.write(bytes(child.read(child.size)))
        out.close()


old = Gsf.InfileMSOle.new(Gsf.InputStdio.new(source))
new = Gsf.OutfileMSOle.new(Gsf.OutputStdio.new(target))
assert new.set_class_id(bytes.fromhex(f"{CLASSES[case]:02x}100c0000000000c000000000000046"))
copy(old, new)
if case == "storage":
    # Packages in several languages have a transform for each, in a storage.
    language = new.new_child("1036", True)
    for name, content in (("transform", b"in a storage" * 500), ("small", b"as well")):
        stream = language.new_child(name, False)
        stream.write(content)
        stream.close()
    language.close()
new.close()
