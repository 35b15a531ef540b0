#!/usr/bin/env bash
# A throwaway PostgreSQL for the tests: its own folder, a free port on loopback; `down` ends it and removes all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'USAGE'
usage: scripts/postgres.sh up|down DIRECTORY

up    makes a cluster under DIRECTORY, starts it, and prints its URL
down  ends it and removes DIRECTORY
USAGE
}

# Tests run side by side, each with masters of its own.
readonly START_SECONDS=60 CONNECTIONS_MAX=500
command="${1:-}" directory="${2:-}"
[[ -n $directory ]] || { usage >&2 && exit 2; }

programs() {
    local folder
    # Newest first; Debian keeps them off PATH.
    for folder in $(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -rV); do
        [[ ! -x $folder/initdb ]] || { echo "$folder" && return; }
    done
    have initdb || die "PostgreSQL's server programs are missing: scripts/setup.sh test"
    dirname "$(command -v initdb)"
}

# PostgreSQL refuses to run as root.
as_owner() { if ((EUID == 0)); then runuser -u postgres -- "$@"; else "$@"; fi; }

up() {
    local bin port
    bin="$(programs)"
    mkdir -p "$directory"
    ((EUID != 0)) || chown postgres "$directory"
    chmod 755 "$directory"
    as_owner "$bin/initdb" -D "$directory/data" -U podling -E UTF8 --locale=C --auth=trust >"$directory/initdb.log" ||
        die "initdb failed"
    port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    as_owner "$bin/pg_ctl" -D "$directory/data" -w -t "$START_SECONDS" -l "$directory/log" \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=$CONNECTIONS_MAX" start >/dev/null ||
        die "PostgreSQL did not start: $(tail -n 5 "$directory/log")"
    echo "postgres://podling@127.0.0.1:$port/postgres?sslmode=disable"
}

down() {
    local bin
    bin="$(programs)"
    [[ ! -e $directory/data/postmaster.pid ]] ||
        as_owner "$bin/pg_ctl" -D "$directory/data" -m immediate -w stop >/dev/null || true
    rm -rf "$directory"
}

case "$command" in
    up) up ;;
    down) down ;;
    *) usage >&2 && exit 2 ;;
esac
