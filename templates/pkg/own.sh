# own FOLDER MODE: root's, with this mode, whatever it was before
own() {
    if [ -L "$1" ]; then
        fail "$1 is a symbolic link"
    fi
    (umask 022 && mkdir -p "$1") || fail "cannot make $1"
    if [ "$(id -u)" -eq 0 ]; then
        chown 0:0 "$1" || fail "cannot own $1"
    fi
    chmod "$2" "$1" || fail "cannot protect $1"
}
