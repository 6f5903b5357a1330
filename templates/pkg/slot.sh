# slot_token PACKAGE TARGET: the token out of the block between the package's archive and its notarization ticket,
# which is one line: stampwright-slot-1 LENGTH CKSUM TOKEN, with spaces up to 4096 bytes. No signature covers that line, so every byte
# of it is accounted for; whether its issuer signed the token is for the agent to find out.
slot_token() {
    slot_line=$2.line
    rm -f "$2" "$slot_line"
    [ -f "$1" ] || return 1
    # the block is the last thing but the ticket
    tail -c 262144 "$1" | LC_ALL=C grep -a '^stampwright-slot-' >"$slot_line" || return 1
    if [ "$(wc -l <"$slot_line")" -ne 1 ] || [ "$(wc -c <"$slot_line")" -ne 4132 ]; then
        say 'the place for a token beside the signature is damaged: its length is wrong'
        return 1
    fi
    slot_mark=$(cut -b 1-18 "$slot_line")
    slot_len=$(cut -b 20-23 "$slot_line")
    slot_sum=$(cut -b 25-34 "$slot_line")
    slot_gaps=$(cut -b 19,24,35 "$slot_line")
    case $slot_len$slot_sum in
        *[!0-9]*) slot_len= ;;
    esac
    if [ "$slot_mark$slot_gaps" != 'stampwright-slot-1   ' ] || [ ${#slot_len} -ne 4 ] || [ ${#slot_sum} -ne 10 ]; then
        say 'the place for a token beside the signature is damaged: its head is wrong'
        return 1
    fi
    # without leading zeros, which would make the numbers octal
    slot_len=${slot_len#"${slot_len%%[!0]*}"}
    slot_sum=${slot_sum#"${slot_sum%%[!0]*}"}
    if [ "${slot_len:-0}" -gt 4096 ]; then
        say 'the place for a token beside the signature is damaged: the token is too long'
        return 1
    fi
    cut -b "$((36 + ${slot_len:-0}))-" "$slot_line" | tr -d '\n' >"$2"
    if [ "$(tr -d ' ' <"$2" | wc -c)" -ne 0 ]; then
        rm -f "$2"
        say 'the place for a token beside the signature is damaged: there is something behind the token'
        return 1
    fi
    rm -f "$2"
    [ -n "$slot_len" ] || return 1
    cut -b "36-$((35 + slot_len))" "$slot_line" | tr -d '\n' >"$2"
    rm -f "$slot_line"
    if [ "$(cksum <"$2")" != "${slot_sum:-0} $slot_len" ]; then
        rm -f "$2"
        say 'the token beside the signature is damaged: its checksum is wrong'
        return 1
    fi
    if [ "$(LC_ALL=C tr -d 'A-Za-z0-9._-' <"$2" | wc -c)" -ne 0 ]; then
        rm -f "$2"
        say 'what is beside the signature is no token'
        return 1
    fi
}

# find_token PACKAGE TARGET: the token beside the signature, once found kept for postinstall
find_token() {
    [ -s "$2" ] || slot_token "$1" "$2"
}
