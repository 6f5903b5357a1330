#!/bin/sh
# Makes a flat package with other people's tools: `pkg.sh CASE OUT`, in an empty folder. $EMBALA_PKG is a package of the crate embala-pkg,
# whose bill of materials and archives are used again; bsdtar writes the other archives, and apple-platform-py signs.
set -eu
case_name=$1 out=$2

mkdir embala
bsdtar -xf "$EMBALA_PKG" -C embala

sign() {
    "$PYTHON" - "$1" "$2" <<'PY'
import sys

import apple_platform
from apple_platform import certificates

made = certificates.generate_self_signed("World", profile="developer-id-installer")
with open("key.p12", "wb") as file:
    file.write(made.to_p12("pw"))
signer = apple_platform.Signer(p12=apple_platform.P12Key("key.p12", "pw"))
apple_platform.sign(sys.argv[1], sys.argv[2], signer=signer, timestamp_url="none")
PY
}

# A component of the package under another identifier.
component() {
    cp -r embala/world.pkg "archive/$1.pkg"
    sed -i "s/identifier=\"com.example.world\"/identifier=\"com.example.$1\"/; s#install-location=\"[^\"]*\"#install-location=\"/opt/$1\"#" "archive/$1.pkg/PackageInfo"
}

archive() {
    (cd archive && bsdtar --format=xar --options='!compression,checksum=sha1,toc-checksum=sha1' -cf "../$out" -- *)
}

mkdir archive
case $case_name in
embala) cp "$EMBALA_PKG" "$out" ;;
signed) sign "$EMBALA_PKG" "$out" ;;
changed)
    sign "$EMBALA_PKG" signed.pkg
    # The last byte of the heap is the payload's, or that of a document: whichever, a checksum is over it.
    cp signed.pkg "$out"
    size=$(stat -c %s "$out")
    last=$(od -An -tu1 -j $((size - 1)) -N1 "$out" | tr -d ' ')
    printf "\\$(printf '%03o' $((last ^ 1)))" | dd of="$out" bs=1 seek=$((size - 1)) conv=notrunc status=none
    ;;
components)
    for name in a b c d; do component "$name"; done
    {
        echo '<?xml version="1.0" encoding="utf-8"?><installer-gui-script minSpecVersion="1"><title>World</title><options customize="never"/>'
        echo '<choices-outline><line choice="all"/></choices-outline><choice id="all">'
        for name in a b c d; do echo "<pkg-ref id=\"com.example.$name\"/>"; done
        echo '</choice>'
        for name in a b c d; do echo "<pkg-ref id=\"com.example.$name\" version=\"1.2.3\" installKBytes=\"44\">#$name.pkg</pkg-ref>"; done
        echo '</installer-gui-script>'
    } >archive/Distribution
    archive
    ;;
component-only)
    cp embala/world.pkg/* archive/
    archive
    ;;
*)
    echo "there is no case $case_name" >&2
    exit 2
    ;;
esac
