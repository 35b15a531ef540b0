#!/usr/bin/env bash
# Fills a database from a file of scripts/backup.sh, all or nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$(dirname "${BASH_SOURCE[0]}")/database.sh"

usage() {
    cat <<'USAGE'
usage: DATABASE_URL=postgres://... scripts/restore.sh [--force] FILE

Fills the database with what FILE holds, in one transaction. It must be empty (createdb -E UTF8 podling), and no
master may lead it.

--force  replaces Podling's tables in a database that has some; other tables are left alone

Tables of a schema other than public go there again; the masters' search_path must name it, as it did before.

The next master leads with an epoch above all that were given, so that one which was forgotten somewhere cannot write.
Exit status: 0 restored, 1 nothing was changed, 2 the command line is wrong.
USAGE
}

# Every table and type that a master makes. What else depends on them goes too.
readonly OURS="'^(tasks|nodes|task_history.*|task_events.*|podling_.*)\$'"

# The statements that come before what the file holds, and after it: in a schema.
drop_ours() {
    cat <<SQL
DO \$\$
DECLARE ours record;
BEGIN
    FOR ours IN
        SELECT c.relname AS name, CASE c.relkind WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = '$1' AND c.relkind IN ('r', 'p', 'c') AND NOT c.relispartition AND c.relname ~ $OURS
    LOOP
        EXECUTE format('DROP %s %I.%I CASCADE', ours.kind, '$1', ours.name);
    END LOOP;
END \$\$;
SQL
}

# A backup does not know what was led after it: the clock, in seconds, is ahead of every count of masters.
raise_epoch() {
    cat <<SQL
SET LOCAL search_path = "$1";
UPDATE podling_leader SET epoch = greatest(epoch, $2, extract(epoch FROM clock_timestamp())::bigint) + 1;
DO \$\$
BEGIN
    -- The first schemas have no lease.
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'podling_leader'::regclass AND attname = 'holder') THEN
        UPDATE podling_leader SET address = NULL, holder = NULL, expires_at = NULL;
    END IF;
    -- The numbers of transitions after the backup are given again: no cursor of watch goes on.
    IF to_regclass('podling_runs') IS NOT NULL THEN
        DELETE FROM podling_runs;
    END IF;
END \$\$;
SQL
}

main() {
    local force=false file list schema there epoch=0 without=''
    while (($# > 0)); do
        case "$1" in
            -h | --help) usage && exit 0 ;;
            --force) force=true ;;
            -*) usage >&2 && exit 2 ;;
            *) break ;;
        esac
        shift
    done
    (($# == 1)) || { usage >&2 && exit 2; }
    file="$1"
    [[ -r $file ]] || die "cannot read $file"
    add_postgres_programs
    take_database_url
    list="$(pg_restore --list "$file" 2>/dev/null)" || list=''
    schema="$(schema_of "$list")"
    [[ $schema =~ ^[A-Za-z0-9_]+$ ]] || die "$file is no backup of scripts/backup.sh, or it is cut short"
    there="$(query "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' AND c.relkind IN ('r', 'p')")" ||
        die "the database cannot be read (see above)"
    if ((there > 0)); then
        $force || die "the database has $there tables: restore into an empty one, or replace Podling's with --force"
        if [[ "$(query "SELECT to_regclass('\"$schema\".podling_leader') IS NOT NULL")" == t ]]; then
            [[ "$(query "SELECT coalesce(bool_or((to_jsonb(l) ->> 'expires_at')::timestamptz > clock_timestamp()), false)
                FROM \"$schema\".podling_leader l")" == f ]] ||
                die "a master leads this database: end all its masters first"
            epoch="$(query "SELECT coalesce(max(epoch), 0) FROM \"$schema\".podling_leader")"
        fi
    fi
    # A schema that is there already is not made.
    [[ "$(query "SELECT count(*) FROM pg_namespace WHERE nspname = '$schema'")" == 0 ]] || without=" SCHEMA - $schema "
    # What ends before COMMIT, for whatever reason, changes nothing.
    {
        echo 'BEGIN;'
        ((there == 0)) || drop_ours "$schema"
        pg_restore --no-owner --no-privileges --file=- --use-list=<(grep -vF -- "${without:-no line has this}" <<<"$list") \
            "$file" || die "$file cannot be read to its end"
        raise_epoch "$schema" "$epoch"
        echo 'COMMIT;'
    } | psql --no-psqlrc --no-password --quiet -v ON_ERROR_STOP=1 --output=/dev/null "$DATABASE" ||
        die "the restore failed (see above); nothing was changed"
    good "restored: $(query "SELECT count(*) FROM \"$schema\".tasks") rows of tasks; start the masters now"
}

main "$@"
