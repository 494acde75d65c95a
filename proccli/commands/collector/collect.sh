#!/bin/sh
# Write a recording of this machine's processes to standard output, where there is no Python.
#
#     ssh router sh -s < collect.sh > router.raw.jsonl
#     proccli record -c agent.yaml -s router.raw.jsonl router.jsonl.gz
#
# SECRETS ARE NOT MASKED: the output holds whole command lines, with their passwords and tokens.
# Only `proccli record` masks them. Keep the output private, and delete it afterwards.
#
# It is read from standard input, takes no arguments, and writes nothing to the machine. It needs a
# POSIX shell (dash, busybox) with awk, od, readlink, cat, ls, and a stat that knows -c. Run it as
# root: what only root can read is otherwise missing. It looks at the sockets twice, three seconds
# apart, because the first look at a socket leaves its age open; an argument is another number of
# seconds, and 0 looks once. Further arguments are names of variables of the running deepflow-agent,
# which rules mention.
#
# Printed by `proccli collector --sh`. The format: docs/recording.md. Command lines of more than
# 1 MiB are not read.

PROCCLI=0
wait_s=${1:-3}
[ "$#" = 0 ] || shift
names="$*"

LC_ALL=C TZ=UTC0
export LC_ALL TZ
unset QUOTING_STYLE POSIXLY_CORRECT
umask 077
newline='
'
blanks=" 	$newline"

fail() {
    echo "collect: $1" >&2
    exit 1
}

bytes() { # FILE [MOST]: the bytes in decimal, or an error
    od -An -v -tu1 -N "${2:-1048577}" "$1" 2>&1
}

[ -r /proc/self/stat ] || fail "this machine has no /proc as Linux has it"
for tool in awk od stat readlink cat ls; do
    command -v "$tool" >/dev/null 2>&1 || fail "there is no $tool"
done
stat -L -c %i /proc/self/ns/net >/dev/null 2>&1 || stat -c %i / >/dev/null 2>&1 ||
    fail "stat does not know -c"
verbose=-v
readlink -v -n /proc/self/exe >/dev/null 2>&1 || verbose=

# ---- what is read: lines that begin with @ say what follows -----------------------------------

look() { # the first look at each socket makes it known
    for folder in /proc/[1-9]*; do
        for link in "$folder"/fd/*; do
            [ -S "$link" ]
        done
    done
}

header() {
    echo "@taken $(date -u '+%Y-%m-%dT%H:%M:%S.%N' 2>/dev/null)"
    echo "@ticks $(getconf CLK_TCK 2>/dev/null)"
    echo "@user $(id -u) $(id -G)"
    echo "@order $(printf '\001\000' | od -An -tu2)"
    echo "@file host"
    bytes /proc/sys/kernel/hostname
    echo "@text btime"
    cat /proc/stat 2>/dev/null
    echo "@text capabilities"
    cat /proc/self/status 2>/dev/null
    echo "@text mounts"
    cat /proc/self/mountinfo 2>/dev/null
    [ -z "$names" ] || environment
    echo "@header"
}

environment() { # the variables NAMES of the running agent; awk passes over all others
    for pid in $(ls /proc | sed -n '/^[1-9][0-9]*$/p' | sort -n); do
        comm=
        read -r comm 2>/dev/null <"/proc/$pid/comm" || continue
        if [ "$comm" = deepflow-agent ]; then
            echo "@agent $pid $names"
            echo "@file environ"
            bytes "/proc/$pid/environ" 8388609
            return
        fi
    done
}

sockets() { # FILE...: never the text of a link, which may be a path that a user chose
    stat -L -c '@inode %d %i %n' "$@" 2>/dev/null
    stat -c '@link %z %n' "$@" 2>/dev/null
}

find_sockfs() { # FILE...: the device of all sockets, unlike that of socket files
    tried=0
    for link; do
        if [ "$(readlink "$link" 2>/dev/null)" = "socket:[$(stat -L -c %i "$link" 2>/dev/null)]" ]; then
            sockfs=$(stat -L -c %d "$link" 2>/dev/null)
            echo "@sockfs $sockfs"
            return
        fi
        tried=$((tried + 1))
        [ "$tried" -lt 20 ] || return
    done
}

descriptors() {
    set -- fd/*
    if [ "$1" = 'fd/*' ]; then
        problem=$(ls fd 2>&1 >/dev/null)
        if [ -n "$problem" ]; then
            echo "@error fds $problem"
            return 1
        fi
        return 0
    fi
    if [ "$user" != 0 ] && [ -L "$1" ] && ! [ -e "$1" ]; then
        echo "@error fds Permission denied"
        return 1
    fi
    found=
    count=0
    d='[0-9]'
    # Shorter names first: ascending by number.
    for link in fd/$d fd/$d$d fd/$d$d$d fd/$d$d$d$d fd/$d$d$d$d$d fd/$d$d$d$d$d$d fd/$d$d$d$d$d$d$d; do
        [ -S "$link" ] || continue
        found="$found $link"
        count=$((count + 1))
        if [ "$count" = 500 ]; then
            [ -n "$sockfs" ] || find_sockfs $found
            sockets $found
            found=
            count=0
        fi
    done
    if [ -n "$found" ]; then
        [ -n "$sockfs" ] || find_sockfs $found
        sockets $found
    fi
    return 0
}

process() { # PID
    cd / && cd "/proc/$1" 2>/dev/null || cd / || return
    here=.
    [ . -ef "/proc/$1" ] || here=/proc/$1
    echo "@process $1"
    root= netns=
    set -f
    IFS=$newline
    for line in $(stat -L -c '%n %i %u' "$here" "$here/root" "$here/ns/net" 2>&1); do
        IFS=$blanks
        set -- "$1" $line
        case $2 in
        "$here") echo "@uid $4" ;;
        "$here/root") root=$3 && echo "@root $3" ;;
        "$here/ns/net") netns=$3 && echo "@netns $3" ;;
        *"$here/root'"* | *) case $line in
            *"/root'"* | *"/root:"*) echo "@error root_inode $line" ;;
            *"/ns/net'"* | *"/ns/net:"*) echo "@error netns $line" ;;
            *) echo "@error uid $line" ;;
            esac ;;
        esac
    done
    IFS=$blanks
    set +f
    for name in stat status cgroup cmdline; do
        echo "@file $name"
        bytes "$here/$name"
    done
    echo "@file exe"
    readlink -n "$here/exe" 2>/dev/null | od -An -v -tu1
    echo "@file exe_error"
    readlink $verbose -n "$here/exe" 2>&1 >/dev/null || echo "readlink: failed"
    cd "$here" 2>/dev/null && descriptors && [ -n "$netns" ] && members="$members $netns:$1" &&
        case $nets in
        *" $netns "*) ;;
        *) nets="$nets$netns " ;;
        esac
    if [ -n "$root" ]; then
        case $roots in
        *" $root "*) echo "@users $root" ;;
        *)
            if [ -f root/etc/passwd ] && [ -r root/etc/passwd ]; then
                echo "@file passwd"
                bytes root/etc/passwd 8388609
                echo "@table $root"
                roots="$roots$root "
            fi
            ;;
        esac
    fi
    if [ . -ef "/proc/$1" ] || [ "$here" != . -a -d "/proc/$1" ]; then
        echo "@done alive"
    else
        echo "@done gone"
    fi
}

network() { # NETNS: as the first of its processes shows it that has not exited
    echo "@net $1"
    for member in $members; do
        [ "${member%:*}" = "$1" ] || continue
        cd "/proc/${member#*:}" 2>/dev/null || continue
        [ "$(stat -L -c %i ns/net 2>/dev/null)" = "$1" ] || continue
        for name in tcp udp tcp6 udp6; do
            echo "@text $name"
            cat "net/$name" 2>&1
        done
        echo "@text fib_trie"
        cat net/fib_trie 2>/dev/null
        break
    done
    echo "@network"
}

gather() {
    members='' nets=' ' roots=' ' sockfs=
    user=$(id -u)
    header
    for pid in $(ls /proc | sed -n '/^[1-9][0-9]*$/p' | sort -n); do
        process "$pid"
    done
    for net in $nets; do
        network "$net"
    done
    echo "@end"
}

# ---- what is written ---------------------------------------------------------------------------

case $wait_s in
*[!0-9.]* | *.*.* | ?????*) fail "usage: sh -s [SECONDS [NAME]...] < collect.sh" ;;
0) ;;
*)
    look
    sleep "$wait_s"
    ;;
esac
gather | awk -v PROCCLI="$PROCCLI" '
function put(line) {
    size += length(line) + 1
    if (length(line) > 67108864 || size > 1073741824)
        stop("this is more than a recording may hold")
    print line
}
function stop(problem) {
    print "collect: " problem > "/dev/stderr"
    failed = 1
    exit 1
}
function quoted(text) { return "\"" text "\"" }
function or_null(value) { return value == "" ? "null" : value }
function text_or_null(key) { return key in text ? quoted(text[key]) : "null" }

# ---- bytes B[1..n], and text ----

function continues(at) { return B[at] >= 128 && B[at] <= 191 }
function sequence(at, last,    b, low, high, more, i) {
    # The length of the well-formed UTF-8 sequence that begins here, or 0.
    b = B[at]
    if (b < 128) return 1
    low = 128; high = 191
    if (b >= 194 && b <= 223) more = 1
    else if (b >= 224 && b <= 239) { more = 2; if (b == 224) low = 160; if (b == 237) high = 159 }
    else if (b >= 240 && b <= 244) { more = 3; if (b == 240) low = 144; if (b == 244) high = 143 }
    else return 0
    if (at + more > last || B[at + 1] < low || B[at + 1] > high) return 0
    for (i = 2; i <= more; i++) if (!continues(at + i)) return 0
    return more + 1
}
function as_text(first, last, escape,    at, length_, code, i, whole, part) {
    # JSON text of the bytes; valid says whether they are UTF-8. The others become escapes.
    valid = 1
    whole = part = ""
    for (at = first; at <= last; at += length_) {
        length_ = sequence(at, last)
        if (length_ == 1) part = part PLAIN[B[at]]
        else if (length_ == 0) { valid = 0; length_ = 1; part = part sprintf(escape, B[at]) }
        else {
            code = B[at] - (length_ == 2 ? 192 : length_ == 3 ? 224 : 240)
            for (i = 1; i < length_; i++) code = code * 64 + B[at + i] - 128
            if (code < 65536) part = part sprintf("\\u%04x", code)
            else {
                code -= 65536
                part = part sprintf("\\u%04x\\u%04x", 55296 + int(code / 1024), 56320 + code % 1024)
            }
        }
        if (length(part) > 512) { whole = whole part; part = "" }
    }
    return whole part
}
function as_ascii(first, last,    at, whole, part) {
    # A text to look at; what is not printable ASCII becomes DEL.
    whole = part = ""
    for (at = first; at <= last; at++) {
        part = part (B[at] in CHAR ? CHAR[B[at]] : "\177")
        if (length(part) > 512) { whole = whole part; part = "" }
    }
    return whole part
}
function as_base64(first, last,    at, code, left, whole, part) {
    whole = part = ""
    for (at = first; at <= last; at += 3) {
        left = last - at
        code = B[at] * 65536 + (left > 0 ? B[at + 1] * 256 : 0) + (left > 1 ? B[at + 2] : 0)
        part = part substr(SIXTY_FOUR, int(code / 262144) + 1, 1)
        part = part substr(SIXTY_FOUR, int(code / 4096) % 64 + 1, 1)
        part = part (left > 0 ? substr(SIXTY_FOUR, int(code / 64) % 64 + 1, 1) : "=")
        part = part (left > 1 ? substr(SIXTY_FOUR, code % 64 + 1, 1) : "=")
        if (length(part) > 512) { whole = whole part; part = "" }
    }
    return whole part
}
function piece(first, last,    it) {
    it = as_text(first, last, "")
    return valid ? quoted(it) : "{\"base64\":" quoted(as_base64(first, last)) "}"
}

# ---- numbers as texts: 64 bits are more than awk counts ----

function at_most(digits, most) {
    sub(/^0+/, "", digits)
    return length(digits) < length(most) || (length(digits) == length(most) && digits "" <= most "")
}
function is_digits(text) { return text ~ /^[0-9]+$/ }
function is_u(text, most) {
    if (length(text) > 40 || text !~ /^[+]?[0-9]+$/) return 0
    sub(/^[+]/, "", text)
    return at_most(text, most)
}
function is_i32(text) {
    if (length(text) > 40 || text !~ /^[-+]?[0-9]+$/) return 0
    if (text ~ /^-/) return at_most(substr(text, 2), "2147483648")
    sub(/^[+]/, "", text)
    return at_most(text, "2147483647")
}
function is_hex(text, digits) {
    if (length(text) > 40 || text !~ /^[+]?[0-9A-Fa-f]+$/) return 0
    sub(/^[+]?0*/, "", text)
    return length(text) <= digits
}
function is_octal(text) {
    if (length(text) > 40 || text !~ /^[+]?[0-7]+$/) return 0
    sub(/^[+]?0*/, "", text)
    return length(text) < 11 || (length(text) == 11 && text ~ /^[0-3]/)
}
function plain_number(digits) { sub(/^0+/, "", digits); return digits == "" ? "0" : digits }

# ---- errors ----

function errno_of(said,    i) {
    for (i = 1; i <= ERRORS; i++) if (index(said, ERROR_TEXT[i])) return ERROR_NAME[i]
    return "failed"
}
function malformed(field, detail) { problem[field] = "malformed"; detail_of[field] = detail }
function refused(field, said) { problem[field] = "?"; detail_of[field] = errno_of(said) }
function problem_of(field,    name) {
    if (problem[field] != "?") return problem[field]
    name = detail_of[field]
    if (name !~ /^(EACCES|EPERM|ENOENT|ESRCH|ENOTDIR)$/) return "failed"
    if (!alive) return "gone"
    return name ~ /^(EACCES|EPERM)$/ ? "denied" : "missing"
}
function error_object(field, what, detail) {
    return "{\"field\":" quoted(field) ",\"problem\":" quoted(what) ",\"detail\":" quoted(detail) "}"
}

# ---- the files of a process ----

function begin_file(name) { reading = name; n = 0; said = "" }
function end_file(    name) {
    name = reading
    reading = ""
    if (name == "") return
    if (name == "host") {
        if (n && B[n] == 10) n--
        text["host"] = as_text(1, n, "\\\\udc%02x")
    } else if (name == "exe") { exe_bytes = n; exe_text(1, n) }
    else if (name == "exe_error") { if (said != "") { refused("exe", said); no_exe() } }
    else if (name == "environ") { if (n) variable(); environ_read = said == "" }
    else if (name == "passwd") end_passwd()
    else if (said != "") refused(name, said)
    else if (name == "stat") parse_stat()
    else if (name == "status") parse_status()
    else if (name == "cgroup") parse_cgroup()
    else if (name == "cmdline") end_cmdline()
}
function exe_text(first, last) {
    text["exe"] = as_text(first, last, "\\\\x%02x")
    if (!valid) text["exe_base64"] = as_base64(first, last)
}
function no_exe() { delete text["exe"]; delete text["exe_base64"] }
function parse_stat(    i, open, close_, count, part) {
    if (n > 4096) return malformed("stat", "longer than 4 KiB")
    for (i = 1; i <= n; i++) { if (B[i] == 40 && !open) open = i; if (B[i] == 41) close_ = i }
    count = split(as_ascii(close_ + 1, n), part, " ")
    if (!close_ || !open || open > close_ || count < 20) return malformed("stat", "cut short")
    if (!is_digits(part[2]) || !is_digits(part[20]) || length(part[2]) > 10 || length(part[20]) > 20)
        return malformed("stat", "not numeric")
    if (!at_most(part[2], "2147483647") || !at_most(part[20], U64))
        return malformed("stat", "a number is out of range")
    text["comm"] = as_text(open + 1, close_ - 1, "\\\\x%02x")
    state = part[1]
    number["ppid"] = plain_number(part[2])
    number["starttime_ticks"] = plain_number(part[20])
}
function parse_cgroup(    it) {
    if (n > 1048576) return malformed("cgroup", "longer than 1 MiB")
    it = as_text(1, n, "")
    if (!valid) return malformed("cgroup", "not UTF-8")
    text["cgroup"] = it
}
function blank_at(at) {
    # The length of a blank that begins here.
    if ((B[at] >= 9 && B[at] <= 13) || B[at] == 32) return 1
    if (B[at] == 194 && (B[at + 1] == 133 || B[at + 1] == 160)) return 2
    if (B[at] == 225 && B[at + 1] == 154 && B[at + 2] == 128) return 3
    if (B[at] == 226 && B[at + 1] == 128 && B[at + 2] >= 128 && B[at + 2] <= 138) return 3
    if (B[at] == 226 && B[at + 1] == 128 && B[at + 2] ~ /^(168|169|175)$/) return 3
    if (B[at] == 226 && B[at + 1] == 129 && B[at + 2] == 159) return 3
    if (B[at] == 227 && B[at + 1] == 128 && B[at + 2] == 128) return 3
    return 0
}
function trimmed(first, last,    skip, i) {
    # The range without blanks at its ends, in from and to.
    while (first <= last && (skip = blank_at(first)) && first + skip - 1 <= last) first += skip
    do {
        skip = 0
        for (i = 1; i <= 3; i++)
            if (last - i + 1 >= first && blank_at(last - i + 1) == i) { last -= i; skip = 1; break }
    } while (skip)
    from = first; to = last
}
function parse_status(    i, start, key, value, name, has_name, at, count, keys, kind) {
    as_text(1, n, "")
    if (!valid) return malformed("status", "not UTF-8")
    split("", value)
    B[n + 1] = 10
    start = 1
    for (i = 1; i <= n + 1; i++) {
        if (B[i] != 10) continue
        if (i == start || (i == start + 1 && B[start] == 13)) { start = i + 1; continue }
        for (at = start; at < i && B[at] != 58; at++) ;
        if (at == i) return malformed("status", "a line without a colon")
        key = as_ascii(start, at - 1)
        start = at + 1
        for (at = start; at < i && B[at] != 58; at++) ;
        trimmed(start, at - 1)
        value[key] = as_ascii(from, to)
        if (key == "Name") name = as_text(from, to, "")
        start = i + 1
    }
    count = split(STATUS, keys, " ")
    for (i = 1; i <= count; i++) {
        if (keys[i] ~ /^[(]/) { kind = keys[i]; continue }
        if (keys[i] in value) {
            if (!fits(kind, value[keys[i]])) return malformed("status", keys[i])
        } else if (kind !~ /[?]/) return malformed("status", keys[i])
    }
    text["status_name"] = name
}
function fits(kind, it,    part, count, i) {
    gsub(/[(?)]/, "", kind)
    if (kind == "any") return 1
    if (kind == "i32") return is_i32(it)
    if (kind == "u32") return is_u(it, "4294967295")
    if (kind == "u64") return is_u(it, U64)
    if (kind == "hex") return is_hex(it, 16)
    if (kind == "octal") return is_octal(it)
    if (kind == "kB") { gsub(/ kB/, "", it); return is_u(it, U64) }
    if (kind == "queue") {
        count = split(it, part, "/")
        return count >= 2 && is_u(part[1], U64) && is_u(part[2], U64)
    }
    count = split(it, part, kind == "masks" ? "," : " ")
    if (kind == "masks" && it == "") return 0
    if (kind == "ids" && count < 4) return 0
    for (i = 1; i <= (kind == "ids" ? 4 : count); i++) {
        if (kind == "ids" && !is_u(part[i], "4294967295")) return 0
        if (kind == "groups" && !is_i32(part[i])) return 0
        if (kind == "masks" && !is_hex(part[i], 8)) return 0
    }
    return 1
}
function end_cmdline(    i) {
    if (total > 1048576) { problem["cmdline"] = "failed"; detail_of["cmdline"] = "longer than 1 MiB" }
    else if (pieces > 500000) { problem["cmdline"] = "failed"; detail_of["cmdline"] = "too many arguments" }
    else if (total) PIECE[++pieces] = piece(1, n)
}

# ---- the environment of the agent ----

function variable(    at, name, it) {
    for (at = 1; at <= n && B[at] != 61; at++) ;
    name = as_ascii(1, at - 1)
    it = as_text(at + 1, n, "")
    if (at <= n && (name in WANTED) && !(name in VARIABLE)) VARIABLE[name] = valid ? quoted(it) : "null"
    n = 0
}
function environment_object(    count, name, i, values) {
    if (agent == "") return "null"
    count = split(wanted, name, " ")
    values = ""
    for (i = 1; i <= count && environ_read; i++)
        values = values (i > 1 ? "," : "") quoted(name[i]) ":" (name[i] in VARIABLE ? VARIABLE[name[i]] : "null")
    return "{\"origin\":\"deepflow-agent (pid " agent ")" (environ_read ? "" : ", not readable for us") "\",\"values\":{" values "}}"
}

# ---- users ----

function passwd_line(    i, field, start, count, uid, name) {
    if (n && B[n] == 13) n--
    as_text(1, n, "")
    if (!valid) bad_passwd = 1
    count = start = 1
    uid = ""
    for (i = 1; i <= n + 1; i++) {
        if (i <= n && B[i] != 58) continue
        if (count == 1) name = as_text(1, i - 1, "")
        if (count == 3) uid = as_ascii(start, i - 1)
        if (++count > 4) break
        start = i + 1
    }
    n = 0
    if (uid !~ /^[+]?[0-9]+$/ || length(uid) > 4096) return
    sub(/^[+]/, "", uid)
    if (!at_most(uid, "4294967295")) return
    uid = plain_number(uid)
    if (uid in seen_uid) return
    seen_uid[uid] = 1
    user_part = user_part (user_part user_names == "" ? "" : ",") quoted(uid) ":" quoted(name)
    if (length(user_part) > 4096) { user_names = user_names user_part; user_part = "" }
}
function end_passwd() {
    if (n) passwd_line()
    if (said != "" || total > 8388608) bad_passwd = 1
}

# ---- sockets ----

function network_line(line,    field, count, at, state_) {
    if (!heading) { heading = 1; if (line ~ /local_address/) return }
    if (line ~ /^cat: /) { table_error[reading_text] = errno_of(line); return }
    count = split(line, field, " ")
    if (count < 10) { bad_table[reading_text] = "a row is cut short"; return }
    if (field[10] == "0" && field[4] != "0A") return
    state_ = (reading_text ~ /^udp/ ? "udp" : "tcp") field[4]
    if (!(state_ in STATE) || !is_digits(field[10]) || length(field[10]) > 20 || !at_most(field[10], U64)) {
        bad_table[reading_text] = "a row is not as documented"
        return
    }
    at = ++row_count[reading_text]
    ROW[reading_text, at] = "[" quoted(STATE[state_]) "," endpoint(field[2]) "," endpoint(field[3]) "," plain_number(field[10]) "]"
}
function endpoint(notation,    address, i, word, packed, text_) {
    if (notation in ENDPOINT) return ENDPOINT[notation]
    i = index(notation, ":")
    address = toupper(substr(notation, 1, i - 1))
    packed = ""
    for (word = 1; word <= length(address); word += 8)
        for (i = 0; i < 8; i += 2) packed = packed substr(address, word + (little ? 6 - i : i), 2)
    if (substr(packed, 1, 24) == "00000000000000000000FFFF") packed = substr(packed, 25)
    text_ = length(packed) == 8 ? dotted(packed) : colons(packed)
    i = index(notation, ":")
    ENDPOINT[notation] = quoted(text_) "," hex(toupper(substr(notation, i + 1)))
    return ENDPOINT[notation]
}
function hex(digits,    i, value) {
    value = 0
    for (i = 1; i <= length(digits); i++) value = value * 16 + index("0123456789ABCDEF", substr(digits, i, 1)) - 1
    return value
}
function dotted(packed) {
    return hex(substr(packed, 1, 2)) "." hex(substr(packed, 3, 2)) "." hex(substr(packed, 5, 2)) "." hex(substr(packed, 7, 2))
}
function colons(packed,    i, word, start, length_, best, best_length, out) {
    # As inet_ntop writes it: the longest run of zeros, of two at least, becomes ::.
    best_length = 1
    for (i = 0; i <= 8; i++) {
        if (i < 8 && substr(packed, i * 4 + 1, 4) == "0000") { if (!length_++) start = i }
        else { if (length_ > best_length) { best = start; best_length = length_ } length_ = 0 }
    }
    if (best_length == 6 && best == 0) return "::" dotted(substr(packed, 25))
    out = ""
    for (i = 0; i < 8; i++) {
        if (best_length > 1 && i == best) { out = out "::"; i += best_length - 1; continue }
        word = tolower(substr(packed, i * 4 + 1, 4))
        sub(/^0+/, "", word)
        out = out (out == "" || out ~ /:$/ ? "" : ":") (word == "" ? "0" : word)
    }
    return out
}
function fib_line(line,    part) {
    if (line ~ /[|]-- [0-9]+[.][0-9]+[.][0-9]+[.][0-9]+$/) { leaf = line; sub(/.*[|]-- /, "", leaf) }
    else if (leaf != "" && line ~ /\/32 host LOCAL$/ && leaf !~ /^127[.]/) own[leaf] = 1
}
function own_addresses(    address, part, best, value, low, out, count) {
    low = -1
    out = ""
    while (1) {
        best = -1
        for (address in own) {
            split(address, part, ".")
            value = ((part[1] * 256 + part[2]) * 256 + part[3]) * 256 + part[4]
            if (value > low && (best < 0 || value < best)) { best = value; count = address }
        }
        if (best < 0) return out
        out = out (out == "" ? "" : ",") quoted(count)
        low = best
    }
}
function put_network(    i, j, name, tables, rows, count, error, head) {
    split("tcp udp tcp6 udp6", tables, " ")
    for (i = 1; i <= 4; i++) {
        name = tables[i]
        head = "{\"type\":\"net\",\"net\":" net_number[net] ",\"netns\":" net ",\"table\":" quoted(name) ",\"rows\":["
        error = "null"
        if (!(name in was_read)) error = error_object("net/" name, "gone", "ESRCH")
        else if (name in table_error) {
            if (table_error[name] == "ENOENT") error = error_object("net/" name, "missing", "ENOENT")
            else if (table_error[name] ~ /^(EACCES|EPERM)$/) error = error_object("net/" name, "denied", table_error[name])
            else error = error_object("net/" name, "failed", table_error[name])
        } else if (name in bad_table) error = error_object("net/" name, "malformed", bad_table[name])
        if (error != "null") row_count[name] = 0
        rows = ""
        count = 0
        for (j = 1; j <= row_count[name]; j++) {
            rows = rows (count ? "," : "") ROW[name, j]
            all_rows++
            if (++count == 2000) { put(head rows "],\"error\":null}"); rows = ""; count = 0 }
        }
        if (count || !row_count[name]) put(head rows "],\"error\":" error "}")
    }
    if ("fib_trie" in was_read && saw_fib)
        put("{\"type\":\"addresses\",\"net\":" net_number[net] ",\"ipv4\":[" own_addresses() "]}")
}

# ---- lines of the recording ----

function privileged(    digits) {
    if (user != "0") return 0
    if (capabilities == "") return 1
    digits = capabilities
    return digits ~ /[4567cdef]$/ && digits ~ /[89abcdef][0-9a-f][0-9a-f][0-9a-f][0-9a-f]$/
}
function how_hidden(    option, count, i, hiding, group, member) {
    count = split(proc_options, option, ",")
    hiding = "off"; group = "0"
    for (i = 1; i <= count; i++) {
        if (option[i] ~ /^hidepid=/) hiding = substr(option[i], 9)
        if (option[i] ~ /^gid=/) group = substr(option[i], 5)
    }
    if (hiding == "1") hiding = "noaccess"
    if (hiding == "2") hiding = "invisible"
    if (hiding == "4") hiding = "ptraceable"
    if (hiding !~ /^(noaccess|invisible|ptraceable)$/ || as_root) return ""
    if (hiding != "ptraceable" && index(groups, " " group " ")) return ""
    return hiding
}
function put_header(    hiding, notices) {
    as_root = privileged()
    hiding = how_hidden()
    notices = ""
    if (hiding != "")
        notices = "{\"code\":\"hidepid\",\"message\":\"/proc is mounted with hidepid=" hiding " and " \
            (hiding == "noaccess" ? "refuses access to" : "hides") \
            " other users" APOSTROPHE " processes: run proccli as root to see what the agent sees\"}"
    if (btime == "")
        notices = notices (notices == "" ? "" : ",") \
            "{\"code\":\"no-boot-time\",\"message\":\"/proc/stat has no line btime: start times and ages are unknown\"}"
    put("{\"type\":\"header\",\"format\":\"proccli-recording\",\"version\":2,\"proccli\":" quoted(PROCCLI) \
        ",\"taken_at\":" quoted(taken) ",\"watched_since\":null,\"host\":" text_or_null("host") \
        ",\"kind\":\"live\",\"proc_root\":\"/proc\",\"boot_time_s\":" or_null(btime) \
        ",\"ticks_per_s\":" ticks ",\"privileged\":" (as_root ? "true" : "false") \
        ",\"sees_all\":" (hiding == "" || hiding == "noaccess" ? "true" : "false") \
        ",\"redacted\":false,\"notices\":[" notices "],\"environment\":" environment_object() ",\"tags\":null}")
}
function begin_process(given) {
    pid = given
    split("", text); split("", number); split("", problem); split("", detail_of)
    split("", INODE); split("", PIECE)
    state = ""; fds = 0; pieces = 0; has_users = 0; exe_failed = 0; listed = ""; more = 0
}
function number_or_null(key) { return key in number ? number[key] : "null" }
function put_process(    i, name, out, errors, fields, count, cmdline, net_text) {
    if (("stat" in problem) && problem_of("stat") == "gone" && "uid" in number) {
        delete number["uid"]
        problem["uid"] = "gone"; detail_of["uid"] = detail_of["stat"]
    }
    if (state ~ /^[ZXx]$/) {
        if (problem_of_or("netns") == "missing") delete problem["netns"]
        if (problem_of_or("root_inode") == "missing") delete problem["root_inode"]
    }
    if (problem_of_or("exe") == "missing") delete problem["exe"]
    count = split("uid stat status cmdline exe netns cgroup root_inode", fields, " ")
    errors = ""
    for (i = 1; i <= count; i++) {
        name = fields[i]
        if (name in problem)
            errors = errors (errors == "" ? "" : ",") error_object(name, problem_of(name), detail_of[name])
    }
    net_text = "null"
    if (!("fds" in problem) && "netns" in number) {
        if (!(number["netns"] in net_number)) net_number[number["netns"]] = ++nets
        net_text = net_number[number["netns"]]
    }
    out = "{\"type\":\"process\",\"pid\":" pid ",\"ppid\":" number_or_null("ppid") \
        ",\"comm\":" text_or_null("comm") ",\"status_name\":" text_or_null("status_name") \
        ",\"holes\":[],\"proofs\":[],\"exe\":" text_or_null("exe") \
        ",\"exe_base64\":" text_or_null("exe_base64") ",\"uid\":" number_or_null("uid") \
        ",\"starttime_ticks\":" number_or_null("starttime_ticks") \
        ",\"netns\":" number_or_null("netns") ",\"cgroup\":" text_or_null("cgroup") \
        ",\"root_inode\":" number_or_null("root_inode") \
        ",\"users\":" (has_users ? "true" : "false") ",\"errors\":[" errors "]" \
        ",\"sockets_error\":" ("fds" in problem ? error_object("fds", problem_of("fds"), detail_of["fds"]) : "null") \
        ",\"net\":" net_text ",\"sockets\":" ("fds" in problem ? "null" : "[" listed "]") ",\"cmdline\":"
    size += length(out)
    printf "%s", out
    if ("cmdline" in problem) put("null}")
    else {
        printf "["
        for (i = 1; i <= pieces; i++) { size += length(PIECE[i]) + 1; printf "%s%s", (i > 1 ? "," : ""), PIECE[i] }
        put("]}")
    }
    for (i = 1; i <= more; i++) put("{\"type\":\"sockets\",\"pid\":" pid ",\"sockets\":[" MORE[i] "]}")
    processes++
}
function problem_of_or(field) { return field in problem ? problem_of(field) : "" }
function add_socket(    fd, inode, when, fraction, it) {
    # @link 2026-01-02 03:04:05.678901234 +0000 fd/3
    fd = substr($NF, 4)
    if (!(fd in INODE)) return
    inode = INODE[fd]
    delete INODE[fd]
    when = $2 "T" substr($3, 1, 8)
    fraction = substr($3, 10)
    # Some show whole seconds only. Later is safer than earlier: it makes the socket younger.
    if (fraction !~ /[1-9]/) fraction = "999999999"
    fraction = substr(fraction "000000000", 1, 9)
    it = "{\"fd\":" fd ",\"inode\":" inode ",\"since\":\"" when "." fraction "Z\",\"age_source\":\"fd-ctime\"}"
    if (++fds <= 1000) listed = listed (listed == "" ? "" : ",") it
    else {
        if (fds % 1000 == 1) MORE[++more] = ""
        MORE[more] = MORE[more] (MORE[more] == "" ? "" : ",") it
    }
    sockets++
}

BEGIN {
    for (i = 0; i < 256; i++) {
        if (i >= 32 && i < 127) { CHAR[i] = sprintf("%c", i); PLAIN[i] = CHAR[i] }
        else PLAIN[i] = sprintf("\\u%04x", i)
    }
    CHAR[9] = "\t"
    PLAIN[34] = "\\\""; PLAIN[92] = "\\\\"
    APOSTROPHE = sprintf("%c", 39)
    SIXTY_FOUR = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    U64 = "18446744073709551615"
    ERRORS = split("Permission denied|Operation not permitted|No such file or directory|No such process|Not a directory|Invalid argument|Too many levels of symbolic links|Input/output error|Cannot allocate memory", ERROR_TEXT, "|")
    split("EACCES|EPERM|ENOENT|ESRCH|ENOTDIR|EINVAL|ELOOP|EIO|ENOMEM", ERROR_NAME, "|")
    count = split("01 ESTABLISHED 02 SYN_SENT 03 SYN_RECV 04 FIN_WAIT1 05 FIN_WAIT2 06 TIME_WAIT 07 CLOSE 08 CLOSE_WAIT 09 LAST_ACK 0A LISTEN 0B CLOSING 0C NEW_SYN_RECV", part, " ")
    for (i = 1; i < count; i += 2) STATE["tcp" part[i]] = part[i + 1]
    STATE["udp01"] = "ESTABLISHED"; STATE["udp07"] = "UNCONNECTED"
    STATUS = "(any) Name State (i32) Tgid Pid PPid TracerPid (ids) Uid Gid (u32) FDSize (groups) Groups" \
        " (u64) Threads (queue) SigQ (hex) SigPnd ShdPnd SigBlk SigIgn SigCgt CapInh CapPrm CapEff" \
        " (octal?) Umask (i32?) Ngid (groups?) NStgid NSpid NSpgid NSsid" \
        " (kB?) VmPeak VmSize VmLck VmPin VmHWM VmRSS VmData VmStk VmExe" \
        " RssAnon RssFile RssShmem VmLib VmPTE VmSwap HugetlbPages (hex?) CapBnd CapAmb" \
        " (u32?) NoNewPrivs Seccomp CoreDumping THP_enabled (masks?) Cpus_allowed Mems_allowed" \
        " (u64?) voluntary_ctxt_switches nonvoluntary_ctxt_switches"
    ticks = 100
    reading = reading_text = ""
}
/^@/ {
    end_file()
    reading_text = ""
    if ($1 == "@file") {
        begin_file($2)
        total = 0
        if ($2 == "passwd") { split("", seen_uid); user_names = user_part = ""; bad_passwd = 0 }
    }
    else if ($1 == "@text") { reading_text = $2; heading = 0; was_read[$2] = 1; row_count[$2] = 0 }
    else if ($1 == "@taken") {
        taken = substr($2, 1, 19) "." ($2 ~ /[.][0-9]+$/ && length($2) == 29 ? substr($2, 21) : "000000000") "Z"
    }
    else if ($1 == "@ticks") { if (is_digits($2)) ticks = $2 }
    else if ($1 == "@user") { user = $2; groups = $0 " " }
    else if ($1 == "@order") little = $2 == 1
    else if ($1 == "@agent") {
        agent = $2
        wanted = $0
        sub(/^@agent [0-9]+ /, "", wanted)
        for (i = 3; i <= NF; i++) WANTED[$i] = 1
    }
    else if ($1 == "@header") put_header()
    else if ($1 == "@process") begin_process($2)
    else if ($1 == "@uid") number["uid"] = $2
    else if ($1 == "@root") number["root_inode"] = $2
    else if ($1 == "@netns") number["netns"] = $2
    else if ($1 == "@error") refused($2, $0)
    else if ($1 == "@sockfs") sockfs = $2
    else if ($1 == "@inode") { if (sockfs == "") refused("fds", ""); else if ($2 == sockfs) INODE[substr($4, 4)] = $3 }
    else if ($1 == "@link") add_socket()
    else if ($1 == "@users") has_users = $2 in users
    else if ($1 == "@table") {
        if (!bad_passwd && !($2 in users)) {
            users[$2] = 1
            tables_of_users++
            put("{\"type\":\"users\",\"root_inode\":" $2 ",\"names\":{" user_names user_part "}}")
        }
        has_users = $2 in users
    }
    else if ($1 == "@done") { alive = $2 == "alive"; put_process() }
    else if ($1 == "@net") {
        net = $2; leaf = ""; saw_fib = 0
        split("", table_error); split("", bad_table); split("", row_count); split("", own); split("", was_read)
    }
    else if ($1 == "@network") put_network()
    else if ($1 == "@end") {
        put("{\"type\":\"end\",\"processes\":" processes + 0 ",\"users\":" tables_of_users + 0 \
            ",\"sockets\":" sockets + 0 ",\"rows\":" all_rows + 0 ",\"masked_values\":0,\"masked_processes\":0}")
        ended = 1
    }
    next
}
reading_text == "btime" { if ($1 == "btime" && NF == 2 && is_digits($2) && length($2) <= 11) btime = $2; next }
reading_text == "capabilities" { if ($1 == "CapEff:") capabilities = $2; next }
reading_text == "mounts" { if ($5 == "/proc") proc_options = $NF; next }
reading_text == "fib_trie" { saw_fib = 1; fib_line($0); next }
reading_text != "" { network_line($0); next }
/^[ \t0-9]/ || NF == 0 {
    # Bytes in decimal.
    total += NF
    for (i = 1; i <= NF; i++) {
        if (reading == "cmdline" && $i == 0) { PIECE[++pieces] = piece(1, n); n = 0 }
        else if (reading == "passwd" && $i == 10) passwd_line()
        else if (reading == "environ" && $i == 0) variable()
        else B[++n] = $i + 0
    }
    next
}
{ said = said $0 }
END { if (!ended && !failed) stop("the processes could not be read") ; if (failed) exit 1 }
'
