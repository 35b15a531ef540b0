#!/usr/bin/env bash
# backup.sh and restore.sh on a real database with real masters: what was in the backup is there again, and no more.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

readonly SKIPPED=77 PROGRAMS="${PODLING_PROGRAMS:-.build/debug}" MASTER_SECONDS=30

databases=()
drop_databases() {
    local name
    for name in "${databases[@]}"; do on_server "DROP DATABASE IF EXISTS $name WITH (FORCE)"; done
}

on_server() { psql -XqAt -v ON_ERROR_STOP=1 -c "$1" "$TEST_DATABASE_URL"; }
# url DATABASE: that of another database of the same server.
url() { sed -E "s#(//[^/]*)/[^?]*#\1/$1#" <<<"$TEST_DATABASE_URL"; }
value() { psql -XqAt -v ON_ERROR_STOP=1 -c "$2" "$(url "$1")"; }
client() { PODLING_MASTER="$(<"$scratch/address")" "$PROGRAMS/podling-client" "$@" 2>"$scratch/client.log" ||
    { cat "$scratch/client.log" >&2 && die "podling-client $1 failed"; }; }

new_database() {
    databases+=("$1")
    on_server "CREATE DATABASE $1 ENCODING 'UTF8' TEMPLATE template0"
}

start_master() {
    rm -f "$scratch/ports"
    STORE_TYPE=postgres DATABASE_URL="$(url "$1")" start_process "$scratch/master.process" "$scratch/master.log" \
        "$PROGRAMS/podling-master" --listen 127.0.0.1:0 --http-listen off --port-file "$scratch/ports"
    wait_until "$MASTER_SECONDS" grep -q '^listen=' "$scratch/ports" || {
        show_log_tail "$scratch/master.log"
        die "the master of $1 does not listen"
    }
    sed -n 's/^listen=//p' "$scratch/ports" >"$scratch/address"
}
end_master() { end_process "$scratch/master.process" 10; }

# submit COUNT NAME
submit() {
    local number
    for ((number = 0; number < $1; number++)); do
        printf '{"name":"%s","image":"busybox","env":{"N":"%s \\"quoted\\" \\u00e4"}}\n' "$2" "$number"
    done >"$scratch/specs"
    client submit "$scratch/specs" >"$scratch/ids"
    # Some of them have ended.
    # shellcheck disable=SC2046
    client cancel $(head -n 20 "$scratch/ids") >/dev/null
}
exported() { client export | head -n -1 | sort; }

# refused WORDS COMMAND...: it fails and says why, without the password.
refused() {
    local words=$1 code=0
    shift
    "$@" >"$scratch/refusal" 2>&1 || code=$?
    ((code == 1)) || die "exit status $code instead of 1: $* $(<"$scratch/refusal")"
    grep -q -- "$words" "$scratch/refusal" || die "'$words' is not said: $(<"$scratch/refusal")"
    ! grep -q 's3cret' "$scratch/refusal" || die "the password is shown: $*"
}

main() {
    [[ -n ${TEST_DATABASE_URL:-} ]] || { say "skipped: TEST_DATABASE_URL is not set" && exit "$SKIPPED"; }
    have psql || { say "skipped: psql is not there" && exit "$SKIPPED"; }
    [[ -x $PROGRAMS/podling-master ]] || { say "skipped: $PROGRAMS/podling-master is not built" && exit "$SKIPPED"; }
    use_scratch 10 drop_databases
    local one="podling_backup_$$" two="podling_restore_$$" file="$scratch/one.dump"

    say "filling a master"
    new_database "$one"
    refused 'no database that a podling-master made' env DATABASE_URL="$(url "$one")" scripts/backup.sh "$file"
    start_master "$one"
    submit 200 before
    exported >"$scratch/before"
    say "backing up while it runs, and adding more"
    DATABASE_URL="$(url "$one")" scripts/backup.sh "$file"
    submit 50 after
    [[ $(stat -c %a "$file") == 600 ]] || die "the backup can be read by others"
    refused 'is there already' env DATABASE_URL="$(url "$one")" scripts/backup.sh "$file"
    refused 'a master leads this database' env DATABASE_URL="$(url "$one")" scripts/restore.sh --force "$file"

    say "restoring into a new database"
    new_database "$two"
    head -c 5000 "$file" >"$scratch/cut.dump"
    refused 'is no backup' env DATABASE_URL="$(url "$two")" scripts/restore.sh "$REPOSITORY/README.md"
    refused 'nothing was changed\|cut short' env DATABASE_URL="$(url "$two")" scripts/restore.sh "$scratch/cut.dump"
    [[ $(value "$two" "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0 ]] ||
        die "a restore that failed left tables"
    DATABASE_URL="$(url "$two")" scripts/restore.sh "$file"
    (($(value "$two" 'SELECT epoch FROM podling_leader') > $(value "$one" 'SELECT epoch FROM podling_leader') + 1000)) ||
        die "the epoch was not raised"
    end_master
    start_master "$two"
    exported | diff "$scratch/before" - >"$scratch/diff" || die "other tasks than in the backup: $(head -n 5 "$scratch/diff")"
    submit 10 more
    end_master

    say "restoring over a database"
    refused 'restore into an empty one' env DATABASE_URL="$(url "$two")" scripts/restore.sh "$file"
    local epoch
    epoch="$(value "$two" 'SELECT epoch FROM podling_leader')"
    DATABASE_URL="$(url "$two")" scripts/restore.sh --force "$file"
    (($(value "$two" 'SELECT epoch FROM podling_leader') > epoch)) || die "the epoch was not raised again"
    start_master "$two"
    exported | diff "$scratch/before" - >"$scratch/diff" || die "other tasks than in the backup: $(head -n 5 "$scratch/diff")"
    end_master

    say "another schema than public"
    local three="podling_schema_$$" four="podling_schema_restored_$$" each
    for each in "$three" "$four"; do
        new_database "$each"
        on_server "ALTER DATABASE $each SET search_path = orchestra"
    done
    value "$three" 'CREATE SCHEMA orchestra'
    start_master "$three"
    submit 30 schema
    exported >"$scratch/before"
    end_master
    DATABASE_URL="$(url "$three")" scripts/backup.sh "$scratch/three.dump"
    # Once into an empty database, once over what is there.
    DATABASE_URL="$(url "$four")" scripts/restore.sh "$scratch/three.dump"
    DATABASE_URL="$(url "$four")" scripts/restore.sh --force "$scratch/three.dump"
    start_master "$four"
    exported | diff "$scratch/before" - >"$scratch/diff" || die "other tasks than in the backup: $(head -n 5 "$scratch/diff")"
    end_master

    say "a database that is not there"
    refused 'see above' env DATABASE_URL="postgres://podling:s3cret@127.0.0.1:1/x" scripts/backup.sh "$scratch/none.dump"
    refused 'see above' env DATABASE_URL="postgres://podling:s3cret@127.0.0.1:1/x" scripts/restore.sh "$file"
    [[ -z $(find "$scratch" -name '*none*') ]] || die "a backup that failed left a file"
    good "backup and restore: passed"
}

main "$@"
