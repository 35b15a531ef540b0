#!/usr/bin/env bash
# Makes the certificates of a lab: a CA, a server certificate for the masters, one for each node and each client.
# Whoever has DIR/ca.key can make more, and so be anybody: for production, let a CA of yours issue them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly CA_DAYS=3650
readonly NAMES_MAX=64

usage() {
    cat <<'TEXT'
Usage: scripts/dev-certs.sh [DIR] [--host NAME|IP]... [--node ID]... [--client NAME]... [--days N]

Makes in DIR (default: certs), with keys that only their owner can read (0600):

  ca.pem, ca.key             the CA; ca.pem goes to every master, worker and client
  server.pem, server.key     for the masters: localhost, 127.0.0.1, ::1, this machine's name, and each --host
  node-ID.pem, node-ID.key   for the worker with --node-id ID: it may be no other node
  client-NAME.pem, .key      for podling-client

Run it again to add nodes or clients. What is there is kept: no file is ever written over.

  --host NAME|IP   a name or address by which masters are reached; repeatable
  --node ID        a node (1 to 63 of A-Z a-z 0-9 - _ .); repeatable
  --client NAME    a client; repeatable
  --days N         how long certificates hold, 1 to 825; default 365. The CA holds ten years
  -h, --help       this text

Then:

  podling-master --tls-cert DIR/server.pem --tls-key DIR/server.key --tls-client-ca DIR/ca.pem --tls-client-cert require
  podling-worker --master podlings://localhost --node-id ID --sslrootcert DIR/ca.pem --sslcert DIR/node-ID.pem --sslkey DIR/node-ID.key
  podling-client ping --master podlings://localhost --sslrootcert DIR/ca.pem --sslcert DIR/client-NAME.pem --sslkey DIR/client-NAME.key

Exit status: 0 done; 1 something that is there is in the way, or openssl failed; 64 the command line is wrong.
TEXT
}

wrong_usage() {
    complain "$*"
    warn "See scripts/dev-certs.sh --help."
    exit 64
}

directory=
hosts=() nodes=() clients=()
days=365

parse() {
    while (($#)); do
        case "$1" in
            -h | --help)
                usage
                exit 0
                ;;
            --host | --node | --client | --days)
                [[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
                case "$1" in
                    --host) hosts+=("$2") ;;
                    --node) nodes+=("$2") ;;
                    --client) clients+=("$2") ;;
                    --days) days=$2 ;;
                esac
                shift 2
                ;;
            -*) wrong_usage "there is no option $1" ;;
            *)
                [[ -z $directory ]] || wrong_usage "one directory only, not $directory and $1"
                directory=$1
                shift
                ;;
        esac
    done
    directory="${directory:-certs}"
}

check() {
    local name
    [[ $days =~ ^[1-9][0-9]{0,2}$ ]] && ((days <= 825)) || wrong_usage "--days must be from 1 to 825, not '$days'"
    ((${#hosts[@]} <= NAMES_MAX)) || wrong_usage "at most $NAMES_MAX times --host"
    for name in "${hosts[@]}"; do
        [[ $name =~ ^[A-Za-z0-9:._*-]{1,253}$ ]] || wrong_usage "--host must be a name or an IP address, not '$name'"
    done
    for name in "${nodes[@]}"; do
        [[ $name =~ ^[A-Za-z0-9._-]{1,63}$ ]] || wrong_usage "--node must be 1 to 63 of A-Z a-z 0-9 - _ ., not '$name'"
    done
    for name in "${clients[@]}"; do
        [[ $name =~ ^[A-Za-z0-9._-]{1,63}$ ]] || wrong_usage "--client must be 1 to 63 of A-Z a-z 0-9 - _ ., not '$name'"
    done
    have openssl || die "openssl is not installed (Debian: apt-get install openssl)"
}

# quietly COMMAND...: shows what it says only where it fails.
quietly() {
    "$@" >"$scratch/said" 2>&1 || {
        cat "$scratch/said" >&2
        die "$1 failed, as above"
    }
}

# is_there NAME: whether NAME.pem and NAME.key are; one alone is in the way.
is_there() {
    [[ -e $directory/$1.pem || -e $directory/$1.key ]] || return 1
    [[ -e $directory/$1.pem ]] || die "$directory/$1.key is there without $1.pem: move it away first"
    [[ -e $directory/$1.key ]] || die "$directory/$1.pem is there without $1.key: move it away first"
}

# keep NAME: moves a finished pair to its place, the key first, so that no certificate is without one.
keep() {
    chmod 600 "$scratch/$1.key"
    chmod 644 "$scratch/$1.pem"
    # A link is refused where there is a file, also one that came meanwhile.
    ln "$scratch/$1.key" "$directory/$1.key"
    ln "$scratch/$1.pem" "$directory/$1.pem"
    say "made $directory/$1.pem, $directory/$1.key: $2"
}

make_ca() {
    if is_there ca; then
        openssl x509 -in "$directory/ca.pem" -noout -checkend $((days * 86400)) >/dev/null ||
            die "$directory/ca.pem does not hold for $days days more: give fewer --days, or begin in another directory"
        say "kept $directory/ca.pem"
        return
    fi
    quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$CA_DAYS" \
        -subj "/O=Podling lab/CN=Podling lab CA $(openssl rand -hex 4)" \
        -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$scratch/ca.key" -out "$scratch/ca.pem"
    keep ca "the CA, for ten years"
}

# issue NAME SUBJECT USAGE NAMES: a certificate of the CA; NAMES is a subjectAltName, or empty.
issue() {
    local name=$1 subject=$2 purpose=$3 names=$4
    if is_there "$name"; then
        quietly openssl verify -CAfile "$directory/ca.pem" "$directory/$name.pem"
        check_names "$name" "$names"
        say "kept $directory/$name.pem"
        return
    fi
    {
        echo "basicConstraints=critical,CA:FALSE"
        echo "keyUsage=critical,digitalSignature"
        echo "extendedKeyUsage=$purpose"
        [[ -z $names ]] || echo "subjectAltName=$names"
    } >"$scratch/extensions"
    quietly openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$subject" \
        -keyout "$scratch/$name.key" -out "$scratch/$name.csr"
    quietly openssl x509 -req -in "$scratch/$name.csr" -CA "$directory/ca.pem" -CAkey "$directory/ca.key" \
        -set_serial "0x$(openssl rand -hex 15)" -days "$days" -extfile "$scratch/extensions" -out "$scratch/$name.pem"
    keep "$name" "${names:-$subject}, for $days days"
}

# check_names NAME NAMES: a certificate that is kept must have all names that are asked for.
check_names() {
    local wanted has names
    has=", $(openssl x509 -in "$directory/$1.pem" -noout -ext subjectAltName 2>/dev/null | tail -n +2 |
        sed -e 's/^ *//' -e 's/IP Address:/IP:/g'),"
    IFS=, read -ra names <<<"$2"
    for wanted in "${names[@]}"; do
        # openssl writes an IPv6 address in a way of its own.
        [[ $wanted == IP:*:* || $has == *" $wanted,"* ]] ||
            die "$directory/$1.pem is there and is not for $wanted: move it and $1.key away, then run this again"
    done
}

server_names() {
    local list=DNS:localhost,IP:127.0.0.1,IP:::1 name
    name="$(hostname 2>/dev/null || true)"
    [[ ! $name =~ ^[A-Za-z0-9._-]{1,253}$ || $name == localhost ]] || list+=",DNS:$name"
    for name in "${hosts[@]}"; do
        if [[ $name == *:* || $name =~ ^[0-9]+(\.[0-9]+){3}$ ]]; then list+=",IP:$name"; else list+=",DNS:$name"; fi
    done
    printf '%s\n' "$list"
}

parse "$@"
check
umask 077
mkdir -p "$directory"
scratch="$(mktemp -d "$directory/.making.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

make_ca
issue server "/O=Podling lab/CN=podling-master" serverAuth "$(server_names)"
for id in "${nodes[@]}"; do issue "node-$id" "/O=Podling lab/CN=$id" clientAuth "URI:podling://node/$id"; done
for id in "${clients[@]}"; do issue "client-$id" "/O=Podling lab/CN=$id" clientAuth ""; done
