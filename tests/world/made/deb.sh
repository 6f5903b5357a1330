#!/bin/sh
# Makes a deb with dpkg-deb, tar and ar, or nfpm: `deb.sh CASE OUT`, in an empty folder.
set -eu
case_name=$1 out=$2
export SOURCE_DATE_EPOCH=1700000000

mkdir -p root/DEBIAN root/usr/lib/world root/etc
seq 1 9000 >root/usr/lib/world/agent
seq 1 40 >root/etc/world.conf
cat >root/DEBIAN/control <<CONTROL
Package: world
Version: 1.2.3
Architecture: amd64
Maintainer: Example <x@example.com>
Description: an agent
CONTROL

dpkg() {
    dpkg-deb --root-owner-group "$@" -b root "$out" >/dev/null
}

# What dpkg reads and dpkg-deb no longer writes: $1 is the compressor, $2 its suffix.
old() {
    echo 2.0 >debian-binary
    tar -C root/DEBIAN --owner=0 --group=0 -c . | gzip -n >control.tar.gz
    tar -C root --owner=0 --group=0 --exclude=./DEBIAN -c . | $1 >"data.tar.$2"
    ar rcD "$out" debian-binary control.tar.gz "data.tar.$2"
}

case $case_name in
none | gzip | xz | zstd) dpkg "-Z$case_name" ;;
bz2) old bzip2 bz2 ;;
lzma) old 'xz --format=lzma' lzma ;;
hard-links)
    ln root/usr/lib/world/agent root/usr/lib/world/the-same
    dpkg -Zxz
    ;;
debconf)
    printf '#!/bin/sh\nexit 0\n' >root/DEBIAN/config
    chmod 755 root/DEBIAN/config
    dpkg -Zgzip
    ;;
changed)
    dpkg -Zgzip
    size=$(stat -c %s "$out")
    printf 'damaged' | dd of="$out" bs=1 seek=$((size - 400)) conv=notrunc status=none
    ;;
conffiles)
    # nfpm writes an empty line at the end of its list.
    cat >nfpm.yaml <<YAML
name: world
arch: amd64
version: 1.2.3
maintainer: Example <x@example.com>
contents:
  - {src: root/usr/lib/world/agent, dst: /usr/lib/world/agent}
  - {src: root/etc/world.conf, dst: /etc/world.conf, type: config}
YAML
    "$NFPM" package --packager deb --target "$out" >/dev/null
    ;;
*)
    echo "there is no case $case_name" >&2
    exit 2
    ;;
esac
