#!/usr/bin/env bash
# Writes the database of Podling to a file that scripts/restore.sh reads. Masters go on meanwhile.
set -euo pipefail
umask 077
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$(dirname "${BASH_SOURCE[0]}")/database.sh"

usage() {
    cat <<'USAGE'
usage: DATABASE_URL=postgres://... scripts/backup.sh [FILE]

Writes all of the database, as it is at one moment, in pg_dump's custom format. FILE is there at the end, whole, or
not at all; one that is there already is not overwritten. Default: podling-TIME.dump in this folder.

The file holds task specs, env included: it is readable by its owner only. The password of DATABASE_URL is not shown.
Exit status: 0 written, 1 not, 2 the command line is wrong.
USAGE
}

part=''
clean_up() { [[ -z $part ]] || rm -f -- "$part"; }

main() {
    case "${1:-}" in
        -h | --help) usage && exit 0 ;;
        -*) usage >&2 && exit 2 ;;
    esac
    (($# <= 1)) || { usage >&2 && exit 2; }
    local file="${1:-podling-$(date -u +%Y%m%dT%H%M%SZ).dump}" version
    [[ ! -e $file ]] || die "$file is there already"
    add_postgres_programs
    take_database_url
    version="$(query "SELECT max(version) FROM podling_schema")" ||
        die "this is no database that a podling-master made, or it cannot be read (see above)"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    part="$(mktemp -- "$file.part-XXXXXX")" || die "cannot write $file"
    pg_dump --no-password --format=custom --no-owner --no-privileges --file="$part" --dbname="$DATABASE" ||
        die "pg_dump failed (see above); nothing was written"
    # A list can only be made of a file that has its end.
    [[ -n $(schema_of "$(pg_restore --list "$part")") ]] || die "the file that pg_dump wrote cannot be read"
    sync -- "$part"
    mv -n -- "$part" "$file"
    [[ ! -e $part ]] || die "$file is there already"
    part=''
    good "$file: $(du -h -- "$file" | cut -f1), schema version $version"
}

main "$@"
